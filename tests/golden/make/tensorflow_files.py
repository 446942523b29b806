"""TensorFlow: tf.summary (TF2), tf.compat.v1.summary, Keras, hparams."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import common  # noqa: E402

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorboard.plugins.hparams import api as hp  # noqa: E402

cases = common.Cases("tensorflow")
rng = np.random.default_rng(7)
v1 = tf.compat.v1


def tf2_scalars():
    with cases("scalars") as d:
        with tf.summary.create_file_writer(d).as_default() as w:
            for step in range(40):
                tf.summary.scalar("loss/train", 1.0 / (step + 1), step=step)
                tf.summary.scalar("described", step, step=step, description="*words*")
            w.close()
    with cases("write") as d:  # tensors of every type, without or with metadata
        meta = v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})
        with tf.summary.create_file_writer(d).as_default() as w:
            for dtype in [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16,
                          tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64]:
                one = tf.cast(5, dtype)
                tf.summary.write(f"{dtype.name}/rank0", one, step=1)
                tf.summary.write(f"{dtype.name}/rank1", tf.reshape(one, [1]), step=2)
                tf.summary.write(f"{dtype.name}/scalars", tf.reshape(one, [1, 1]), step=3,
                                 metadata=meta)
                tf.summary.write(f"{dtype.name}/two", tf.stack([one, one]), step=4)
            tf.summary.write("bool", tf.constant(True), step=1)
            tf.summary.write("complex", tf.constant(1 + 2j), step=1)
            tf.summary.write("string", tf.constant("abc"), step=1)
            tf.summary.write("empty", tf.zeros([0, 3]), step=1)
            w.close()


def tf2_media():
    with cases("media") as d:
        with tf.summary.create_file_writer(d).as_default() as w:
            tf.summary.histogram("weights", rng.normal(size=300), step=1)
            tf.summary.histogram("nothing", [], step=1)
            tf.summary.image("two", rng.random((2, 8, 8, 3)), step=1)
            beep = np.sin(np.arange(400.0) / 8).reshape(1, 400, 1).astype(np.float32)
            tf.summary.audio("beep", beep, 8000, step=1)
            tf.summary.text("notes", "**hello**", step=2)
            tf.summary.text("table", [["a", "b"], ["c", "d"]], step=3)
            w.close()
    with cases("trace") as d:
        @tf.function
        def double(x):
            return x + x

        w = tf.summary.create_file_writer(d)
        tf.summary.trace_on(graph=True)
        double(tf.constant(1.0))
        with w.as_default():
            tf.summary.trace_export("graph", step=0)
        w.close()
    with cases("hparams") as d:
        with tf.summary.create_file_writer(d).as_default() as w:
            hp.hparams_config(hparams=[hp.HParam("lr", hp.RealInterval(0.0, 1.0))],
                              metrics=[hp.Metric("loss")])
            hp.hparams({"lr": 0.5})
            tf.summary.scalar("loss", 0.25, step=1)
            w.close()


def keras():
    with cases("keras") as d:
        model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
        model.compile(loss="mse")
        callback = tf.keras.callbacks.TensorBoard(d, write_graph=False, profile_batch=0)
        model.fit(np.zeros((4, 2)), np.zeros((4, 1)), epochs=3, validation_split=0.5, verbose=0,
                  callbacks=[callback])


def tf1():
    with cases("v1") as d, tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [])
        v1.summary.scalar("loss", x)
        v1.summary.histogram("spread", x + tf.constant([1.0, 2.0, 3.0]))
        v1.summary.tensor_summary("tensor", x)
        v1.summary.image("picture", tf.zeros([1, 4, 4, 3]))
        v1.summary.audio("sound", tf.zeros([1, 40, 1]), 8000.0)
        v1.summary.text("words", tf.constant(["a", "b"]))
        merged = v1.summary.merge_all()
        w = v1.summary.FileWriter(d, session.graph)
        for step in range(5):
            options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
            traced = v1.RunMetadata()
            w.add_summary(session.run(merged, {x: 1.0 / (step + 1)}, options, traced), step)
            if step == 0:
                w.add_run_metadata(traced, "step0000", 0)
        w.add_session_log(v1.SessionLog(status=v1.SessionLog.CHECKPOINT, checkpoint_path="m"), 5)
        w.add_session_log(v1.SessionLog(status=v1.SessionLog.START), 6)
        w.add_session_log(v1.SessionLog(status=v1.SessionLog.STOP), 7)
        w.add_event(v1.Event(wall_time=1.7e9, step=8, summary=v1.Summary()))
        w.add_event(v1.Event(wall_time=1.7e9, step=9,
                             log_message=v1.LogMessage(level=v1.LogMessage.WARN, message="m")))
        w.close()


tf2_scalars()
tf2_media()
keras()
tf1()
