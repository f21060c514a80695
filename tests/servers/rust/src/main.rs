//! servers NAME PORT - one of five HTTP servers on 127.0.0.1. Each answers /count with the number of its other answers.
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

static ANSWERS: AtomicU64 = AtomicU64::new(0);

fn text(path: &str) -> String {
    if path == "/count" {
        return ANSWERS.load(Ordering::Relaxed).to_string();
    }
    ANSWERS.fetch_add(1, Ordering::Relaxed);
    "hello".to_string()
}

/// As in the example of its README: several threads take requests.
fn tiny(listener: TcpListener) {
    let server = std::sync::Arc::new(tiny_http::Server::from_listener(listener, None).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            std::thread::spawn(move || {
                for request in server.incoming_requests() {
                    let answer = tiny_http::Response::from_string(text(request.url()));
                    let _ = request.respond(answer);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// As in the example of its README: a thread serves one connection until that ends, and there are 10 or a few more.
fn khttp(address: &str) {
    let mut app = khttp::Server::builder(address).unwrap();
    app.fallback_route(|context, answer| answer.ok(khttp::Headers::empty(), text(context.uri.path())));
    app.build().serve().unwrap();
}

async fn hyper_one(
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<http_body_util::Full<hyper::body::Bytes>>, Infallible> {
    Ok(hyper::Response::new(text(request.uri().path()).into()))
}

async fn hyper(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let io = hyper_util::rt::TokioIo::new(stream);
            let service = hyper::service::service_fn(hyper_one);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

async fn axum(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let app = axum::Router::new()
        .fallback(|uri: axum::http::Uri| async move { text(uri.path()) });
    axum::serve(listener, app).await.unwrap();
}

fn actix(listener: TcpListener) {
    use actix_web::{rt::System, web, App, HttpRequest, HttpServer};
    let server = HttpServer::new(|| {
        App::new().default_service(web::to(|request: HttpRequest| async move { text(request.path()) }))
    });
    System::new().block_on(server.workers(2).listen(listener).unwrap().run()).unwrap();
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let address = format!("127.0.0.1:{}", args[2]);
    if args[1] == "khttp" {
        return khttp(&address);
    }
    let listener = TcpListener::bind(address).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match args[1].as_str() {
        "tiny_http" => tiny(listener),
        "actix" => actix(listener),
        name => {
            listener.set_nonblocking(true).unwrap();
            if name == "axum" {
                runtime.block_on(axum(listener))
            } else {
                runtime.block_on(hyper(listener))
            }
        }
    }
}
