// All that is fetched after the first charts, as one file: so that what it shares with them stays
// in theirs.

export { ArchiveStrip } from "./archive";
export * as deeds from "./deeds";
export { Deleted } from "./deleted";
export * as exporting from "./export";
export { PointsTable } from "./points_table";
export { RunScreen } from "./run";
export { Said } from "./said";
export { Waiting } from "./waiting";
