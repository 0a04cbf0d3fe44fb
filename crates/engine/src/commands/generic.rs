use super::Row;

pub(super) static TABLE: &[Row] = &[];
