//! Addresses as people copy them from `ip addr` and `ipconfig`: `[fe80::1%eth0]:47548`.

use std::net::SocketAddr;

/// The same text with the number of the network interface where its name was. What is no such address stays as it is.
pub fn with_numbers(text: &str) -> String {
    let numbered = |(address, rest): (&str, &str)| {
        let (name, port) = rest.split_once(']')?;
        let number = if_addrs::get_if_addrs().ok()?.into_iter().find(|found| found.name == name)?.index?;
        Some(format!("{address}%{number}]{port}"))
    };
    text.split_once('%').and_then(numbered).unwrap_or_else(|| text.to_owned())
}

/// Reads an address with a port, with or without an interface.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let problem = || match text.split_once('%') {
        Some((_, rest)) => {
            let name = rest.split(']').next().unwrap_or_default();
            format!("{text:?} is no address of this computer: it has no network interface {name:?}")
        }
        None => format!("{text:?} is not ADDRESS:PORT, for instance 192.0.2.7:47548 or [fe80::1%eth0]:47548"),
    };
    with_numbers(text).parse().map_err(|_| problem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_understood_by_its_name_and_by_its_number() {
        let (name, number) = if_addrs::get_if_addrs()
            .unwrap()
            .into_iter()
            .find_map(|found| Some((found.name.clone(), found.index?)))
            .expect("a loopback");
        let expected: SocketAddr = format!("[fe80::1%{number}]:47548").parse().unwrap();

        assert_eq!(address(&format!("[fe80::1%{name}]:47548")), Ok(expected));
        assert_eq!(address(&format!("[fe80::1%{number}]:47548")), Ok(expected));
        assert_eq!(address("192.0.2.7:1").unwrap().port(), 1);
        assert_eq!(with_numbers("pc-07:47548"), "pc-07:47548");
        assert!(address("[fe80::1%nowhere9]:1").unwrap_err().contains("no network interface \"nowhere9\""));
        assert!(address("pc-07").unwrap_err().contains("is not ADDRESS:PORT"));
    }
}
