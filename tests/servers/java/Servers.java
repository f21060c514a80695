// Servers NAME PORT - one of six HTTP servers on 127.0.0.1, each as its manual starts it and with its defaults.
// Each answers /count with the number of its other answers.
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

public class Servers {
    static final AtomicLong answers = new AtomicLong();

    static String text(String path) {
        if (path.equals("/count"))
            return Long.toString(answers.get());
        answers.incrementAndGet();
        return "hello";
    }

    static byte[] bytes(String path) {
        return text(path).getBytes(StandardCharsets.US_ASCII);
    }

    static void jdk(int port) throws Exception {
        var at = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        var server = com.sun.net.httpserver.HttpServer.create(at, 0);
        server.createContext("/", exchange -> {
            byte[] body = bytes(exchange.getRequestURI().getPath());
            exchange.sendResponseHeaders(200, body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        });
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
    }

    static void jetty(int port) throws Exception {
        var server = new org.eclipse.jetty.server.Server(new InetSocketAddress("127.0.0.1", port));
        server.setHandler(new org.eclipse.jetty.server.Handler.Abstract() {
            @Override
            public boolean handle(org.eclipse.jetty.server.Request request, org.eclipse.jetty.server.Response response,
                    org.eclipse.jetty.util.Callback callback) {
                response.write(true, ByteBuffer.wrap(bytes(request.getHttpURI().getPath())), callback);
                return true;
            }
        });
        server.start();
    }

    static void tomcat(int port) throws Exception {
        var tomcat = new org.apache.catalina.startup.Tomcat();
        tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
        tomcat.setPort(port);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        var context = tomcat.addContext("", null);
        org.apache.catalina.startup.Tomcat.addServlet(context, "hello", new jakarta.servlet.http.HttpServlet() {
            @Override
            protected void doGet(jakarta.servlet.http.HttpServletRequest request,
                    jakarta.servlet.http.HttpServletResponse response) throws java.io.IOException {
                byte[] body = bytes(request.getRequestURI());
                response.setContentLength(body.length);
                response.getOutputStream().write(body);
            }
        });
        context.addServletMappingDecoded("/*", "hello");
        tomcat.start();
    }

    static void grizzly(int port) throws Exception {
        var server = new org.glassfish.grizzly.http.server.HttpServer();
        server.addListener(new org.glassfish.grizzly.http.server.NetworkListener("l", "127.0.0.1", port));
        server.getServerConfiguration().addHttpHandler(new org.glassfish.grizzly.http.server.HttpHandler() {
            @Override
            public void service(org.glassfish.grizzly.http.server.Request request,
                    org.glassfish.grizzly.http.server.Response response) throws Exception {
                byte[] body = bytes(request.getRequestURI());
                response.setContentLength(body.length);
                response.getOutputStream().write(body);
            }
        }, "/");
        server.start();
    }

    static void undertow(int port) {
        io.undertow.Undertow.builder().addHttpListener(port, "127.0.0.1")
            .setHandler(exchange -> exchange.getResponseSender().send(text(exchange.getRequestPath())))
            .build().start();
    }

    static void netty(int port) throws Exception {
        var group = new io.netty.channel.MultiThreadIoEventLoopGroup(2, io.netty.channel.nio.NioIoHandler.newFactory());
        new io.netty.bootstrap.ServerBootstrap().group(group)
            .channel(io.netty.channel.socket.nio.NioServerSocketChannel.class)
            .childHandler(new io.netty.channel.ChannelInitializer<io.netty.channel.socket.SocketChannel>() {
                @Override
                protected void initChannel(io.netty.channel.socket.SocketChannel channel) {
                    channel.pipeline().addLast(new io.netty.handler.codec.http.HttpServerCodec(),
                        new io.netty.handler.codec.http.HttpServerKeepAliveHandler(),
                        new io.netty.handler.codec.http.HttpObjectAggregator(65536), new Hello());
                }
            }).bind("127.0.0.1", port).sync();
    }

    static class Hello extends io.netty.channel.SimpleChannelInboundHandler<io.netty.handler.codec.http.FullHttpRequest> {
        @Override
        protected void channelRead0(io.netty.channel.ChannelHandlerContext context,
                io.netty.handler.codec.http.FullHttpRequest request) {
            var body = io.netty.buffer.Unpooled.wrappedBuffer(bytes(request.uri()));
            var response = new io.netty.handler.codec.http.DefaultFullHttpResponse(
                io.netty.handler.codec.http.HttpVersion.HTTP_1_1, io.netty.handler.codec.http.HttpResponseStatus.OK, body);
            response.headers().set("Content-Length", body.readableBytes());
            context.writeAndFlush(response);
        }
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[1]);
        switch (args[0]) {
        case "jdk" -> jdk(port);
        case "jetty" -> jetty(port);
        case "tomcat" -> tomcat(port);
        case "grizzly" -> grizzly(port);
        case "undertow" -> undertow(port);
        case "netty" -> netty(port);
        default -> throw new IllegalArgumentException(args[0]);
        }
        new CountDownLatch(1).await();
    }
}
