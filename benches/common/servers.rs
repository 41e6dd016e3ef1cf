//! What others are served by on this computer, for comparison.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Process, Result, run, wait_for};

pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Makes `cert.pem` and `key.pem` in a folder.
pub fn certificate(openssl: &Path, folder: &Path) -> Result<()> {
    let path = |name: &str| folder.join(name).display().to_string();
    run(Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=bench", "-keyout"])
        .args([&path("key.pem"), "-out", &path("cert.pem")]))
}

/// nginx that gives a folder over TLS 1.3 with AES-128-GCM, and its port.
pub fn nginx(nginx: &Path, folder: &Path) -> Result<(Process, u16)> {
    let port = free_port()?;
    certificate(Path::new("openssl"), folder)?;
    let root = folder.display();
    // One process, so that none is left behind when it is killed.
    let config = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/nginx.log;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port} ssl; root {root};\n\
         ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3;\n\
         ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; }} }}\n"
    );
    fs::write(folder.join("nginx.conf"), config)?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).stderr(Stdio::null());
    let process = Process::start(&mut command)?;
    wait_for("nginx answers", Duration::from_secs(10), || answers(port))?;
    Ok((process, port))
}

/// An rsync daemon that gives a folder as the module `m`, and its port.
pub fn rsync_daemon(rsync: &Path, folder: &Path) -> Result<(Process, u16)> {
    let port = free_port()?;
    let config = folder.join("rsyncd.conf");
    let text = format!(
        "use chroot = no\nuid = 0\ngid = 0\nreverse lookup = no\nforward lookup = no\naddress = 127.0.0.1\n[m]\npath = {}\nread only = yes\n",
        folder.display()
    );
    fs::write(&config, text)?;
    let mut daemon = Command::new(rsync);
    daemon.args(["--daemon", "--no-detach", "--port", &port.to_string(), "--config"]).arg(&config);
    let daemon = Process::start(daemon.stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_for("rsync answers", Duration::from_secs(10), || answers(port))?;
    Ok((daemon, port))
}
