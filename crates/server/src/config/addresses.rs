//! Where others reach a peer.

use super::PeerConfig;

impl PeerConfig {
    /// Where the other peers reach this one: host and port.
    pub(crate) fn reached_at(&self) -> String {
        self.initial_peers.0.get(&self.name).cloned().unwrap_or_else(|| self.grpc.to_string())
    }

    /// Where users reach this peer, as a URL: what was said, or the address that it listens on. One that stands for
    /// every address of the machine leads nobody here; then it is the host at which the other peers reach this one.
    pub(crate) fn http_url(&self) -> String {
        match &self.advertise_http {
            Some(url) if url.contains("://") => url.trim_end_matches('/').to_owned(),
            Some(address) => format!("http://{address}"),
            None if self.http.ip().is_unspecified() => {
                let reached = self.reached_at();
                let host = reached.rsplit_once(':').map_or(reached.as_str(), |(host, _)| host);
                format!("http://{host}:{}", self.http.port())
            }
            None => format!("http://{}", self.http),
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    fn url(http: &str, advertised: &str) -> String {
        let text = format!(
            "name = 'a'\ndata_dir = 'd'\nhttp = '{http}'\ngrpc = '0.0.0.0:7710'\ncluster_secret_file = 's'\n\
             initial_peers = 'a=host-a:7710,b=host-b:7710'\n{advertised}"
        );
        let config: PeerConfig =
            Figment::new().merge(Toml::string(&text)).extract().expect("a configuration");
        assert_eq!(config.reached_at(), "host-a:7710");
        config.http_url()
    }

    #[test]
    fn an_address_of_every_interface_is_shown_to_nobody() {
        assert_eq!(url("10.0.0.1:7700", ""), "http://10.0.0.1:7700");
        assert_eq!(url("0.0.0.0:7700", ""), "http://host-a:7700");
        assert_eq!(url("[::]:7700", ""), "http://host-a:7700");
        assert_eq!(url("0.0.0.0:7700", "advertise_http = 'out:80'"), "http://out:80");
        assert_eq!(
            url("0.0.0.0:7700", "advertise_http = 'https://search.example/'"),
            "https://search.example"
        );
    }
}
