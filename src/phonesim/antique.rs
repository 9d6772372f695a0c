//! TLS 1.0, as phones speak it whose software was never brought up to date (RFC 2246).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Fault;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Kinds of records (RFC 2246 appendix A.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// Greets a server with TLS 1.0 and nothing newer, and says how that was taken.
///
/// # Errors
/// What a phone would see that can do no better.
pub fn greet(server: SocketAddr) -> Result<(), Fault> {
    let host = server.to_string();
    let unreachable = |error: std::io::Error| Fault::Unreachable { host: host.clone(), why: error.to_string() };
    let refused = |why: String| Fault::OldTls { host: host.clone(), why };
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(unreachable)?;
    stream.write_all(&hello()).map_err(unreachable)?;
    let mut head = [0; 7];
    match stream.read_exact(&mut head) {
        Ok(()) if head[0] == HANDSHAKE => Ok(()),
        Ok(()) if head[0] == ALERT => Err(refused(format!("it is refused with alert {}", head[6]))),
        Ok(()) => Err(refused("the answer is no TLS".into())),
        Err(error) => Err(refused(format!("it is not answered: {error}"))),
    }
}

/// A ClientHello with two suites that every old phone has (RFC 2246 section 7.4.1.2).
fn hello() -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend([0x66; 32]);
    // No session; AES_128_CBC_SHA and 3DES_EDE_CBC_SHA with RSA; no compression.
    body.extend([0, 0, 4, 0, 0x2f, 0, 0x0a, 1, 0]);
    let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
    let mut record = vec![HANDSHAKE, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets_in_these_bytes() {
        let hello = hello();
        assert_eq!(hello[..11], [22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 1]);
        assert_eq!(hello.len(), 52);
    }
}
