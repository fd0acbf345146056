"""Which way each architecture goes, proven on tiny models; the table of docs/bloom.md says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from ecomct.errors import InputError
from ecomct.training.packing import prepare_packing

PAGE = Path(__file__).parents[2] / "docs/bloom.md"
SIZES = (9, 1, 14)
_PLAIN = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_GROUPED = {**_PLAIN, "num_key_value_heads": 2, "head_dim": 8}
# Windows of 8 are shorter than the segments, so that the window and the segments both bind.
TINY: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "cohere": _PLAIN,
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    "gemma2": {**_GROUPED, "sliding_window": 8},
    "gemma3_text": {**_GROUPED, "sliding_window": 8},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
        "max_position_embeddings": 64,
    },
    "gpt_neox": _PLAIN,
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "granite": _PLAIN,
    "llama": _PLAIN,
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2},
    "mistral": {**_GROUPED, "sliding_window": 8},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64},
    "olmo2": _PLAIN,
    "opt": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "phi": _PLAIN,
    "qwen2": {**_PLAIN, "num_key_value_heads": 2},
    "qwen3": _GROUPED,
    "qwen3_moe": {**_GROUPED, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "rwkv": {"hidden_size": 32, "attention_hidden_size": 32, "num_hidden_layers": 2, "context_length": 64},
    "stablelm": {**_PLAIN, "num_key_value_heads": 2},
    "starcoder2": {**_PLAIN, "num_key_value_heads": 2, "sliding_window": 8},
    "xglm": {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 64, "max_position_embeddings": 64},
}


def tiny(kind: str) -> PreTrainedModel:
    torch.manual_seed(0)
    special = {"pad_token_id": None, "bos_token_id": 1, "eos_token_id": 1}
    config = AutoConfig.for_model(kind, vocab_size=128, **TINY[kind], **special)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def table() -> dict[str, str]:
    """The model types of the page, and the way it names."""
    rows = re.findall(r"^\| ([a-z_0-9, ]+) \| (packed|unrolled|refused)\b", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {kind: way for kinds, way in rows for kind in kinds.split(", ")}


def test_the_page_names_every_architecture_tested() -> None:
    assert set(table()) == {*TINY, "bert"}


@pytest.mark.parametrize("kind", TINY)
def test_the_way_is_the_one_of_the_page(kind: str) -> None:
    model = tiny(kind)
    assert prepare_packing(model) == table()[kind]
    if table()[kind] == "packed":
        # In training mode too, where transformers may choose other masks than in evaluation.
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        ids = torch.randint(2, 128, (1, sum(SIZES)), generator=torch.Generator().manual_seed(3))
        positions = torch.cat([torch.arange(size) for size in SIZES])[None]
        changed = ids.clone()
        changed[0, : SIZES[0]] = (ids[0, : SIZES[0]] + 1) % 128
        logits = [model(input_ids=one, position_ids=positions, use_cache=False).logits for one in (ids, changed)]
        assert torch.equal(logits[0][:, SIZES[0] :], logits[1][:, SIZES[0] :]), "another segment was read"


class Blurred(PreTrainedModel):
    """Reads the mean over all rows of a batch: exact neither packed nor beside padding."""

    config_class = PreTrainedConfig

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.embedding = torch.nn.Embedding(16, 8)
        self.head = torch.nn.Linear(8, 16)
        self.post_init()

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, **inputs: Any) -> CausalLMOutput:
        states = self.embedding(input_ids)
        places = torch.arange(1, states.shape[1] + 1)[None, :, None]
        return CausalLMOutput(logits=self.head(states + (states.cumsum(dim=1) / places).mean(dim=0, keepdim=True)))


def test_a_model_that_leaks_between_rows_is_refused() -> None:
    config = PreTrainedConfig()
    config.vocab_size = 16
    with pytest.raises(InputError, match="cannot be packed"):
        prepare_packing(Blurred(config))


def test_a_kernel_is_chosen_for_bloom_alone() -> None:
    with pytest.raises(InputError, match=r"training\.attention: sdpa chooses a kernel for BLOOM; llama runs its own"):
        prepare_packing(tiny("llama"), "sdpa")
    assert prepare_packing(tiny("bloom"), "sdpa") == "packed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_flex_without_cuda_is_refused() -> None:
    with pytest.raises(InputError, match=r"training\.attention: flex trains on CUDA only"):
        prepare_packing(tiny("bloom"), "flex")
