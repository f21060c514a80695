// Moquette TCP_PORT WS_PORT - the broker moquette; at SIGTERM it prints what clients published.
import io.moquette.broker.Server;
import io.moquette.broker.config.MemoryConfig;
import io.moquette.interception.AbstractInterceptHandler;
import io.moquette.interception.messages.InterceptPublishMessage;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;

public class Moquette {
    public static void main(String[] args) throws Exception {
        AtomicLong published = new AtomicLong();
        Properties p = new Properties();
        p.setProperty("host", "127.0.0.1");
        p.setProperty("port", args[0]);
        p.setProperty("websocket_port", args[1]);
        p.setProperty("allow_anonymous", "true");
        p.setProperty("persistence_enabled", "false");
        p.setProperty("telemetry_enabled", "false");
        Server server = new Server();
        server.startServer(new MemoryConfig(p), List.of(new AbstractInterceptHandler() {
            @Override
            public String getID() {
                return "counter";
            }

            @Override
            public void onPublish(InterceptPublishMessage message) {
                published.incrementAndGet();
                message.getPayload().release();
            }

            @Override
            public void onSessionLoopError(Throwable error) {
                error.printStackTrace();
            }
        }));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            System.out.println("published " + published.get());
            System.out.flush();
        }));
    }
}
