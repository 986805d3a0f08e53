"""What transformers' generate() makes of a table: greedy and beam search under many options. Writes test/fixtures/generation/.

The model is no network. A row's source is its first input id; its state follows from all ids so far, so that a beam whose
state is not reordered goes astray; the logits are looked up:

    state = 0, then (3 state + id) mod STATES for each of n decoder ids, the start token included
    logits = table[source, state] (1 + n / 16)                                               [V]

The factor keeps two beams that pass the same states in another order from having equal scores.

tables.json  { table: [SOURCES, STATES, V], sources: [B], start, end, pad }
cases.json   [{ options: what generate() was told, ids: for each row, cut before the end token }]
"""

import itertools

import torch
from torch import nn
from transformers import GenerationConfig, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from common import encode, write
from learning_parity import camel

SOURCES, STATES, V = 6, 13, 9
PAD, START, END = 0, 1, 2
LENGTH = 10


class Sources(nn.Module):
    """The encoder: source ids as the last hidden state, [B, 1, 1]."""

    main_input_name = "input_ids"

    def forward(self, input_ids, attention_mask=None, **_):
        return BaseModelOutput(last_hidden_state=input_ids[:, :1, None].float())


class TableConfig(PreTrainedConfig):
    model_type = "table"


class Table(PreTrainedModel, GenerationMixin):
    config_class = TableConfig
    main_input_name = "input_ids"

    def __init__(self, config, table):
        super().__init__(config)
        self.encoder = Sources()
        self.table = table
        self.unused = nn.Parameter(torch.zeros(1))  # transformers asks the parameters for device and dtype
        self.post_init()

    def get_encoder(self):
        return self.encoder

    def forward(self, input_ids=None, decoder_input_ids=None, encoder_outputs=None, **_):
        source = encoder_outputs.last_hidden_state[:, 0, 0].long()
        state = torch.zeros_like(source)
        for ids in decoder_input_ids.T:
            state = (3 * state + ids) % STATES
        return Seq2SeqLMOutput(logits=self.table[source, state].unsqueeze(1) * (1 + decoder_input_ids.shape[1] / 16))


def options():
    processors = [
        {},
        {"min_new_tokens": 4},
        {"no_repeat_ngram_size": 2},
        {"no_repeat_ngram_size": 3},
        {"repetition_penalty": 1.3},
        {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_new_tokens": 3},
    ]
    for extra, length in itertools.product([*processors, {"no_repeat_ngram_size": 1}], [1, 4, LENGTH]):
        if extra.get("min_new_tokens", 0) <= length:
            yield {"num_beams": 1, "max_new_tokens": length} | extra
    for beams, penalty, early in itertools.product([2, 3, 4], [-1.0, 0.0, 1.0, 2.0], [True, False, "never"]):
        search = {"num_beams": beams, "length_penalty": penalty, "early_stopping": early}
        for extra in processors:
            yield search | {"max_new_tokens": LENGTH} | extra
        yield search | {"max_new_tokens": 4}


def cut(row):
    row = row[1:]
    return row[: row.index(END)] if END in row else row


if __name__ == "__main__":
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(5)
    table = torch.randn(SOURCES, STATES, V, generator=g) * 1.2
    table[:, :, END] += torch.linspace(-2, 1.5, SOURCES)[:, None]  # sources that end late, and early
    table = torch.tensor([[[round(x, 3) for x in row] for row in rows] for rows in table.tolist()])
    sources = torch.tensor([3, 0, 5, 1, 4, 2])
    model = Table(TableConfig(is_encoder_decoder=True, vocab_size=V), table).eval()
    cases = []
    for asked in options():
        config = GenerationConfig(do_sample=False, use_cache=False, pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=START, **asked)
        ids = model.generate(sources[:, None], generation_config=config)
        cases.append({"options": camel(asked), "ids": [cut(row) for row in ids.tolist()]})
    print(f"{len(cases)} cases, {len({str(c['ids']) for c in cases})} different results")
    write("generation", "tables", {"table": encode(table), "sources": encode(sources), "start": START, "end": END, "pad": PAD})
    write("generation", "cases", cases)
