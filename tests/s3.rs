//! A real S3 server in this process (the crate `s3s-fs`), with its objects in a folder.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use handout::{
    net::object_http::ObjectHttp,
    store::objects::{AccessKeys, Bucket, Objects},
};
use hyper_util::rt::TokioIo;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};

pub const BUCKET: &str = "handout";
pub const KEY: &str = "AKTEST";
pub const SECRET: &str = "a secret of the test";

/// Answers until it is dropped.
pub struct S3 {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    /// Connections are closed as soon as they come.
    down: Arc<AtomicBool>,
    requests: Arc<AtomicU64>,
}

impl S3 {
    pub fn start() -> S3 {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (down, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_down, counted) = (down.clone(), requests.clone());
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (service, is_down, counted) = (service.clone(), is_down.clone(), counted.clone());
                tokio::spawn(async move {
                    let answer = hyper::service::service_fn(move |request| {
                        let (service, is_down) = (service.clone(), is_down.clone());
                        counted.fetch_add(1, Ordering::Relaxed);
                        async move {
                            if is_down.load(Ordering::Relaxed) {
                                return Err(std::io::Error::other("the store is down"));
                            }
                            let answer = hyper::service::Service::call(&service, request).await;
                            answer.map_err(|error| std::io::Error::other(format!("{error:?}")))
                        }
                    });
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await
                        .ok();
                });
            }
        });
        S3 { address, folder, _runtime: runtime, down, requests }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on no request is answered, or all are again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Requests that came so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Where the objects of the bucket are.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// All objects under a folder of the bucket, as files.
    pub fn objects(&self, under: &str) -> Vec<PathBuf> {
        let mut found = vec![];
        files_in(&self.folder().join(under), &mut found);
        found.sort();
        found
    }

    pub fn bucket(&self, prefix: &str) -> Bucket {
        Bucket {
            name: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: Some(self.endpoint()),
            region: "us-east-1".to_owned(),
            virtual_hosted: false,
            keys: AccessKeys { id: KEY.to_owned(), secret: SECRET.to_owned(), session: None },
        }
    }

    pub fn open(&self, prefix: &str) -> Objects {
        Objects::open(&self.bucket(prefix), ObjectHttp::new(None).unwrap()).unwrap()
    }
}

fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_in(&path, found);
        } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            found.push(path);
        }
    }
}
