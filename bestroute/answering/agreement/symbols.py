r"""Names of LaTeX and plain text for the same sign, letter or function."""

from __future__ import annotations

from bestroute.answering.agreement.words import word_map, word_set

DROPPED = word_set("""
left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits rm bf it
mathstrut hspace phantom tiny small normalsize large Large LARGE huge Huge boxed ( ) [ ] , ; : ! >
""") | {" "}
FRACTIONS = word_set("frac dfrac tfrac cfrac")
TEXTS = word_set("""
text textrm textbf textit textsf texttt textnormal mathrm mathbf mathit mathsf mathnormal mbox hbox
operatorname bm boldsymbol emph
""")
MATRICES = word_set("matrix pmatrix bmatrix Bmatrix smallmatrix array")
FUNCTIONS = word_set("""
sin cos tan cot sec csc log ln lg exp max min gcd lcm arcsin arccos arctan sinh cosh tanh det dim
deg mod bmod lim
""")
_GREEK = word_map("""
alpha:α beta:β gamma:γ delta:δ epsilon:ε zeta:ζ eta:η theta:θ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ
omicron:ο pi:π rho:ρ sigma:σ tau:τ upsilon:υ phi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ
Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Phi:Φ Psi:Ψ Omega:Ω
""")
COMMANDS = {
    **_GREEK,
    **{"varepsilon": "ε", "vartheta": "θ", "varphi": "φ"},
    **dict.fromkeys(("le", "leq", "leqslant", "leqq"), "≤"),
    **dict.fromkeys(("ge", "geq", "geqslant", "geqq"), "≥"),
    **dict.fromkeys(("ne", "neq"), "≠"),
    **{"lt": "<", "gt": ">", "pm": "±", "mp": "∓", "approx": "≈", "equiv": "≡", "sim": "~", "cong": "≅"},
    **dict.fromkeys(("times", "cdot", "ast"), "*"),
    **{"div": "/", "infty": "∞", "circ": "∘", "degree": "°", "prime": "'"},
    **{"cup": "∪", "cap": "∩", "in": "∈", "notin": "∉", "setminus": "∖", "subset": "⊂", "subseteq": "⊆"},
    **dict.fromkeys(("emptyset", "varnothing"), "∅"),
    **dict.fromkeys(("to", "rightarrow", "longrightarrow"), "→"),
    **dict.fromkeys(("implies", "Rightarrow"), "⇒"),
    **dict.fromkeys(("ldots", "cdots", "dots"), "..."),
    **dict.fromkeys(("lbrace", "{"), "{"),
    **dict.fromkeys(("rbrace", "}"), "}"),
    **{"lbrack": "[", "rbrack": "]", "mid": "|", "vert": "|", "lvert": "|", "rvert": "|", "|": "‖"},
    **{"land": "∧", "lor": "∨", "neg": "¬", "lnot": "¬", "forall": "∀", "exists": "∃", "angle": "∠"},
    **{"\\": "\\\\", "newline": "\\\\", "textdegree": "°", "textdollar": "$", "pounds": "£", "euro": "€"},
    **{name: name for name in FUNCTIONS},
}
SIGNS = {
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "<>": "≠",
    "==": "=",
    "+/-": "±",
    "+-": "±",
    "->": "→",
    "=>": "⇒",
    "＝": "=",
}
WORDS = {"pi": "π", "sqrt": "√", "infinity": "∞"}
