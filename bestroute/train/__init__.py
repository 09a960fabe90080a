"""From records to artefact folders. The only room that needs torch (extra: train).

adapt/             an adapter from scored responses of own models, without torch
llms/              columns of LLMs by name in a router model's folder, without torch
labels             records to the router model's targets, exactly
router, reward     train the router model, the reward model
readings           what the reward model's encoder says of texts, each read once
reward_task        the head of the reward model, and what it learns from groups of responses
evasions           responses that answer nothing, which it learns to be worth nothing
sentence/          train a multilingual router model, on a faster encoder
teacher, variants  what an earlier router model says of texts, and more texts to ask it of
strange            texts that nobody asks, against which novelty is learnt
pools              records of many LLMs as classes
router_task        what the router model learns from a list of queries: the loss
posterior, walks   train the posterior, by walks through recorded responses
logistic           logistic regression, which the posterior is made of
models, encoder    the network of the MiniLM router model, and the text encoder that it starts from
fit                one training loop for both
finish             what is fitted after it, into the router model's graph: calibration, novelty
export, quantize   from a network to int8 ONNX, with a parity check
limits, telling    what it was not taught, and so cannot tell; what a training came to, in words
folder, metrics    the artefact folder, whole or not at all, and the measures in its manifest

Where records come from is in `records`; how artefacts are opened is in `artefacts`, how they are judged
against baselines in `evaluate`.
"""
