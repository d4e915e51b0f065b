#!/usr/bin/env bash
# Gets everything ready: our release build, and a virtual environment with the peers.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release
python3 -m venv "${VENV:-target/peers}"
"${VENV:-target/peers}/bin/pip" install --quiet -r benchmarks/requirements.txt
