use super::Text;

/// A volume of an instance: nova's `GET /servers/{id}/os-volume_attachments`, and cinder's `GET /volumes/{id}` where
/// cinder is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    pub id: Text,
    /// `/dev/vdb`, as nova asked for it.
    pub device: Option<Text>,
    pub delete_on_termination: Option<bool>,
    /// Cinder's; `None`: it was not told.
    pub name: Option<Text>,
    pub status: Option<Text>,
    /// GiB.
    pub size: Option<u64>,
    pub volume_type: Option<Text>,
    /// `ctl01@backend#pool`: only administrators are told.
    pub host: Option<Text>,
}
