"""What was trained, opened: folders with their manifests, and the models in them.

manifest   the folder of an artefact: its manifest, digests, and how to find the embedded ones
session    an opened graph with its tokenizer; the only user of onnxruntime and tokenizers
words      the ids of a text from those of its words, as met before
watchdog   one thread that ends the runs whose time has passed
predictor  the router model: what each class would be worth, before anything is asked
known      LLMs by name: columns beside those of the classes
names      which LLM a name means, and which are near
odds       probabilities and their log-odds
product    products of matrices on the calling thread alone
adapter    a router model that knows own models, from scored responses of theirs
reward     the reward model: what each response is worth
own_reward a reward model that knows own scores, from an adapter
facts/     what can be counted in a response, beside what the encoder reads of it
sureness   how sure a model was of the tokens that it wrote, where its endpoint tells
posterior  what the kept response is worth by what came; three regressions in JSON

How artefacts are made is in `train`; what a policy does with what they say is in `decision`.
"""
