use super::Text;

/// A port of an instance (neutron's `GET /v2.0/ports?device_id=`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    pub id: Text,
    /// ACTIVE, DOWN, BUILD or ERROR.
    pub status: Text,
    pub mac_address: Text,
    pub network_id: Text,
    pub addresses: Vec<Text>,
    /// What binds it, and where: only administrators are told. `binding_failed` is why many builds end.
    pub binding_host: Option<Text>,
    pub vif_type: Option<Text>,
}
