#!/usr/bin/env bash
# make.sh: writes the golden event files anew with the real writers, and what they should decode to.
#
#     tests/golden/make.sh [torch|tensorflow|old|expect]...
#
# Without arguments: everything. It makes a virtual environment for each group of writers below
# build/ (about 2 GB together; torch and TensorFlow are large). Never part of a test run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
VENVS=$(cd ../.. && pwd)/build/golden

# python_of NAME: prints the interpreter of a virtual environment with make/NAME.txt installed.
python_of() {
  local venv=$VENVS/$1
  if ! cmp -s "make/$1.txt" "$venv/made-from.txt"; then
    mkdir -p "$VENVS"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check -r "make/$1.txt" >&2
    cp "make/$1.txt" "$venv/made-from.txt"
  fi
  printf '%s\n' "$venv/bin/python"
}

make_torch() {
  local python
  python=$(python_of torch)
  "$python" make/torch_files.py
  "$python" make/tensorboardx_files.py tensorboardx
  "$python" make/tensorboard_files.py
}

make_tensorflow() {
  local python
  python=$(python_of tensorflow)
  "$python" make/tensorflow_files.py
}

make_old() {
  local python
  python=$(python_of old)
  "$python" make/tensorboardx_files.py tensorboardx-1.2
  "$python" make/tensorboard_logger_files.py
}

# The odd and the rejected files are made from the others.
make_expect() {
  local python
  python=$(python_of torch)
  "$python" make/odd_files.py
  "$python" make/rejected_files.py
  "$python" make/expect.py
}

if [ $# = 0 ]; then
  set -- torch tensorflow old expect
fi
for group in "$@"; do
  case $group in
    torch|tensorflow|old|expect) "make_$group" ;;
    *) echo "make.sh: unknown group '$group'" >&2; exit 2 ;;
  esac
done
