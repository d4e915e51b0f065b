//! What a run keeps in its [folder](folder): [checkpoints](checkpoint) to go on from, the
//! [history](history) of its epochs, and [curves] drawn from it.

pub(super) mod checkpoint;
pub(crate) mod curves;
pub(super) mod folder;
pub(super) mod history;
