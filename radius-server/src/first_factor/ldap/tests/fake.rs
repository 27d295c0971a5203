//! Servers that say what they are told to, whatever they are asked.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that answers each message by the next of its lines, and then says nothing more.
pub(super) struct Fake {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Fake {
    pub(super) async fn start(lines: &[&[u8]]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        let task = tokio::spawn(async move {
            // Kept, so that they are not closed.
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4_096];
                for line in &lines {
                    if stream.read(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                    // The other side may be gone.
                    let _ = stream.write_all(line).await;
                }
                open.push(stream);
            }
        });
        Self { url, task }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}
