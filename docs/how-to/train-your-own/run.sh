#!/bin/sh
# From prompts to a router of your own: collect, score, train, evaluate, route. Everything runs on this machine.
#   pip install ".[client,train]" xllamacpp && docs/how-to/train-your-own/run.sh my-router
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

python "$here/../../../examples/local_model.py" --port 8090 > server.log &
trap 'kill $!' EXIT
until grep -qs listens server.log; do sleep 0.2; done

# 1. Ask both models of the policy four times for each of 30 prompts.
bestroute collect "$here/collect.yaml" "$here/prompts.jsonl" --samples 4 --out collected.jsonl

# 2. Compare the number in every response with the prompt's answer.
bestroute score collected.jsonl --oracle exact --no-reward --out scored.jsonl

# 3. Train the reward model, which also gives the records out-of-fold rewards; then the router model.
bestroute train reward scored.jsonl --label scored.jsonl --labelled labelled --epochs 1 --out reward
bestroute train router labelled/scored.jsonl --reference cold --max-n 8 --epochs 2 --out router

# 4. A policy on the new models, which know hot and cold by name.
sed -e '/^ *class:/d' -e 's/^reference:/router: router\nreward: reward\n&/' "$here/collect.yaml" > policy.yaml
bestroute check policy.yaml
bestroute evaluate policy.yaml labelled/scored.jsonl
bestroute route policy.yaml "What is 4 + 4?"
