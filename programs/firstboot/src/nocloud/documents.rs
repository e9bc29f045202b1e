//! What a NoCloud volume brings.

/// The documents as found on the volume.
#[derive(Debug, Default, Clone)]
pub struct Documents {
    /// `meta-data`
    pub meta_data: Option<Vec<u8>>,
    /// `user-data`
    pub user_data: Option<Vec<u8>>,
    /// Whether the volume has a `network-config`.
    pub network_config: bool,
}
