# same_scenario.py - the scenario of same_scenario.c for Locust (2.12): what both print must agree.
# COMPARE_TASKS: the run ends once so many tasks have begun.
import os

import gevent
from locust import HttpUser, SequentialTaskSet, TaskSet, constant, events, tag, task


said = 0


def say(user, name):
    global said
    print("task", type(user).__name__, name, flush=True)
    said += 1
    if said == int(os.environ.get("COMPARE_TASKS", "0")):
        gevent.spawn(user.environment.runner.quit)  # not from a user, whom it ends


class Base(HttpUser):
    abstract = True

    def on_start(self):
        print("user", type(self).__name__, flush=True)


def make(name, in_set=False):
    def function(self):
        say(self.user if in_set else self, name)
        self.client.get("/", name=name)
    function.__name__ = name
    return function


class Heavy(Base):
    weight = 3
    wait_time = constant(1)
    plain = task(make("plain"))


class Light(Base):
    weight = 1
    wait_time = constant(1)
    plain = task(make("plain"))


class Middle(Base):
    weight = 2
    wait_time = constant(1)
    plain = task(make("plain"))


class Admin(Base):
    fixed_count = 2
    wait_time = constant(1)
    plain = task(make("plain"))


class Weighted(Base):
    rare = task(make("rare"))
    common = task(6)(make("common"))
    usual = task(3)(make("usual"))


class Tagged(Base):
    wait_time = constant(0.002)
    pay = tag("pay", "critical")(task(make("pay")))
    pay_slow = tag("pay", "slow")(task(make("pay_slow")))
    slow = tag("slow")(task(make("slow")))
    plain = task(make("plain"))

    @tag("shop")
    @task
    class Shop(TaskSet):
        in_set = task(make("in_set", True))
        in_set_slow = tag("slow")(task(make("in_set_slow", True)))

        @task
        def leave(self):
            say(self.user, "leave")
            self.interrupt(reschedule=True)


class Entered(SequentialTaskSet):
    def on_start(self):
        say(self.user, "enter")

    def on_stop(self):
        say(self.user, "exit")


class Ordered(Base):
    wait_time = constant(0.002)

    @task
    class Outer(Entered):
        @task
        def a(self):
            say(self.user, "a")

        @task(2)
        def b(self):
            say(self.user, "b")

        @task
        class Inner(Entered):
            @task
            def c(self):
                say(self.user, "c")

            @task
            def leave(self):
                say(self.user, "leave")
                self.interrupt(reschedule=True)

        @task
        def d(self):
            say(self.user, "d")

        @task
        def leave_waiting(self):
            say(self.user, "leave_waiting")
            self.interrupt(reschedule=False)


class Eventful(HttpUser):
    wait_time = constant(20)

    def on_start(self):
        print("event user_on_start", flush=True)

    def on_stop(self):
        print("event user_on_stop", flush=True)

    @task
    def fire(self):
        say(self, "fire")
        self.client.get("/", name="fire")
        raise RuntimeError("failed")


def listen(name):
    @getattr(events, name).add_listener
    def _(*_, **arguments):
        more = {"spawning_complete": "user_count", "user_error": "exception", "quit": "exit_code"}
        if name == "request" and arguments["name"] != "fire":
            return
        if name in more:
            print("event", name, arguments[more[name]], flush=True)
        else:
            print("event", name, flush=True)


for name in ("init", "test_start", "spawning_complete", "request", "user_error", "test_stopping",
             "test_stop", "quitting", "quit"):
    listen(name)


@events.quitting.add_listener
def _(**_):
    print("event quitting_later", flush=True)
