"""programs/web_shop.c for Locust."""
from locust import HttpUser, TaskSet, constant, events, task


@events.init_command_line_parser.add_listener
def _(parser):
    parser.add_argument("--api-key", default="abc", help="the key", is_secret=True)
    parser.add_argument("--size", choices=["small", "large"], default="small", help="the size")
    parser.add_argument("--many", type=int, default=3, help="how many")
    parser.add_argument("--fast", action="store_true", help="fast")


class Buyer(HttpUser):
    wait_time = constant(0.05)

    @task(3)
    def front(self):
        self.client.get("/")

    @task
    def bad(self):
        self.client.get("/status/404?id=7", name="/bad?id=[id]")


class Visitor(HttpUser):
    weight = 2
    wait_time = constant(0.05)

    @task
    def boom(self):
        raise RuntimeError('no <stock> & "more"')

    @task
    class Inner(TaskSet):
        @task
        def one(self):
            self.client.get("/size/100")
            self.interrupt()
