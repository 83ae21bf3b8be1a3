"""What the checks share: servers, a deployment of `ims run` on them, and commands that must succeed."""

import contextlib
import os
import re
import signal
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEV = HERE.parent
READY_TIMEOUT_S = 120  # topics and streams of a first start take 10 s on two idle cores
STOP_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 300

# Rings of a laptop: hundreds of partitions less for a broker that others share. And a good day, every day: what is
# checked is the way there and back, not how vendors fail.
CONFIG = """
[deployment]
name = "{name}"
[rings]
seconds = {{ slots = 16, width_ms = 1000 }}
minutes = {{ slots = 16, width_ms = 6000 }}
hours = {{ slots = 16, width_ms = 40000 }}
days = {{ slots = 32, width_ms = 300000 }}
[admin]
listen = "127.0.0.1:{admin_port}"
[simulator.vendors.talk-one]
codes = {{ "0000" = 1.0 }}
no_answer_share = 0.0
throttled_share = 0.0
[simulator.vendors.talk-two]
codes = {{ "0000" = 1.0 }}
no_answer_share = 0.0
throttled_share = 0.0
[simulator.vendors.text-one]
{text_vendor}
[simulator.vendors.text-two]
{text_vendor}
"""
TEXT_VENDOR = """codes = { "1000" = 1.0 }
no_answer_share = 0.0
throttled_share = 0.0
receipts = { delay_ms = { median = 200.0, p99 = 1000.0 }, never_share = 0.0, codes = { "1000" = 1.0 } }"""
CHECK = Path(sys.argv[0]).name
SERVING = re.compile(r"serving until Ctrl-C: (https?://[^\s,]+)")


def say(text):
    print(f"{CHECK}: {text}", flush=True)


def run(*command, expect=0, **options):
    """Runs a command to its end; its output is ours, another exit code than the expected one too."""
    done = subprocess.run([str(part) for part in command], timeout=COMMAND_TIMEOUT_S, **options)
    if done.returncode != expect:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}")
    return done


@contextlib.contextmanager
def servers(folder):
    """Bootstrap servers and the registry's URL."""
    kafka, registry = os.environ.get("IMS_TEST_KAFKA"), os.environ.get("IMS_TEST_REGISTRY")
    if kafka and registry:
        yield kafka, registry
        return
    known = {}
    try:
        for name in ("kafka", "registry"):
            say(f"starting {name}")
            start = (DEV / name, "start", "--dir", folder / name, "--owner", os.getpid())
            printed = run(*start, stdout=subprocess.PIPE, text=True).stdout
            known.update(line.split("=", 1) for line in printed.splitlines() if "=" in line)
        yield known["KAFKA_BOOTSTRAP"], known["REGISTRY_URL"]
    finally:
        for name in ("kafka", "registry"):
            if (folder / name).exists():
                subprocess.run([DEV / name, "stop", "--dir", folder / name], check=False)


def ready(url):
    with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        return urllib.request.urlopen(url, timeout=5).status == 200
    return False


@contextlib.contextmanager
def ims_run(folder, environment, admin_port):
    """`ims run` while it is ready; ends it as an operator would, and fails when it does not end well."""
    with open(folder / "ims.log", "wb") as log:
        process = subprocess.Popen(["ims", "run"], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready(f"http://127.0.0.1:{admin_port}/health/ready"):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("`ims run` does not get ready")
            time.sleep(0.2)
        yield
        process.terminate()
        if process.wait(STOP_TIMEOUT_S) != 0:
            sys.exit(f"`ims run` ended with exit code {process.returncode}")
    except BaseException:
        print((folder / "ims.log").read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def certified(folder):
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", key, "-out", certificate)
    # An authority's certificate (openssl's default for -x509) is not taken for a server's.
    server = ("-addext", "basicConstraints=critical,CA:FALSE")
    subprocess.run(["openssl", "req", "-x509", *curve, *subject, *server, *files], check=True, capture_output=True)
    return certificate, key


@contextlib.contextmanager
def ims_demo(folder, http="", reference=""):
    """`ims demo --serve` on a day on which no vendor fails, with the reference data of a file or its own: the URL of its
    HTTP door, whose section may have more. Its books must balance."""
    (folder / "ims.toml").write_text(f"[simulator.vendors.text-one]\n{TEXT_VENDOR}\n[simulator.vendors.text-two]\n"
                                     f"{TEXT_VENDOR}\n[http]\nlisten = \"127.0.0.1:0\"\n{http}\n[admin]\nlisten = \"\"\n"
                                     f"[reference]\nfile = \"{reference}\"\n")
    told = folder / "demo.log"
    command = ("ims", "demo", "--serve", "--messages", "100", "--config", folder / "ims.toml")
    with open(told, "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=log)
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (address := SERVING.search(told.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("`ims demo --serve` does not get ready")
            time.sleep(0.2)
        yield address[1]
        process.send_signal(signal.SIGINT)
        if process.wait(STOP_TIMEOUT_S) != 0:
            sys.exit(f"`ims demo` ended with exit code {process.returncode}")
    except BaseException:
        print(told.read_text(errors="replace")[-4000:], file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Deployment:
    """Its folder, the environment of its commands, and where Kafka and the registry are."""

    def __init__(self, name, folder, bootstrap, registry, settings):
        self.folder, self.bootstrap, self.registry = folder, bootstrap, registry
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.admin_port = free.getsockname()[1]
        (folder / "ims.toml").write_text(CONFIG.format(name=name, admin_port=self.admin_port, text_vendor=TEXT_VENDOR))
        self.environment = os.environ | {
            "IMS_CONFIG": str(folder / "ims.toml"),
            "IMS__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "IMS__REGISTRY__URL": registry,
            "IMS__KAFKA__PARTITIONS": "3",
            "IMS__KAFKA__REPLICATION_FACTOR": "1",
            "IMS__KAFKA__MIN_INSYNC_REPLICAS": "1",
            **settings,
        }

    def ims(self, *arguments, **options):
        return run("ims", *arguments, cwd=self.folder, env=self.environment, **options)

    def running(self):
        return ims_run(self.folder, self.environment, self.admin_port)


@contextlib.contextmanager
def deployment(name, **settings):
    """A deployment on the servers of ./test, or on its own, with its topics made."""
    if not shutil.which("ims"):
        sys.exit(f"`ims` is not on the PATH: PATH=$PWD/target/release:$PATH dev/clients/{CHECK}")
    # Ended from outside, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix=f"ims-{name}-") as made, contextlib.ExitStack() as stack:
        folder = Path(made)
        of = Deployment(name, folder, *stack.enter_context(servers(folder)), settings)
        say("ims topics create")
        of.ims("topics", "create", stdout=subprocess.DEVNULL)
        yield of
