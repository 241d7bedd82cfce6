"""Conversations as transformers' `apply_chat_template` writes them, by templates in the manner of well-known models.

The templates are the project's own. They use what those of models use: methods of texts, slices, namespaces, macros, loop controls,
`raise_exception`, `tojson`, control of white space, `{% generation %}`.

    V/bin/python scripts/chat_templates.py
"""

import argparse
import json
from pathlib import Path

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

FIXTURES = Path(__file__).resolve().parent.parent / "crates" / "text" / "tests" / "fixtures"

TEMPLATES = {
    # Each turn between two marks, with instructions where there are none.
    "marks": """{% for message in messages %}
    {%- if loop.first and message.role != 'system' %}
<|im_start|>system
Be brief.<|im_end|>
    {%- endif %}
<|im_start|>{{ message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' }}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}""",
    # A header before each turn; the first has the token that begins a text.
    "headers": """{%- set loop_messages = messages -%}
{%- for message in loop_messages -%}
    {%- set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' -%}
    {%- if loop.index0 == 0 -%}{%- set content = bos_token + content -%}{%- endif -%}
    {{- content -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif -%}""",
    # Questions and answers take turns, and instructions are a part of the first question.
    "instructions": """{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {%- if loop.first and system_message is defined %}
            {{- '[INST] <<SYS>>\\n' ~ system_message ~ '\\n<</SYS>>\\n\\n' ~ message['content'].strip() ~ ' [/INST]' }}
        {%- else %}
            {{- '[INST] ' + message['content'].strip() + ' [/INST]' }}
        {%- endif %}
    {%- else %}
        {{- ' ' + message['content'] | trim + eos_token }}
    {%- endif %}
{%- endfor %}""",
    # Thoughts of earlier answers are left out; tokens that are not set count as nothing.
    "thoughts": """{%- set ns = namespace(last=messages|length - 1, many=false) %}
{%- for message in messages[::-1] %}
    {%- if message.role == "user" %}{% set ns.last = messages|length - 1 - loop.index0 %}{% break %}{% endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "assistant" and message.content is string %}
        {%- set content = message.content.split('</think>')[-1].lstrip('\\n') if '</think>' in message.content else message.content %}
        {%- if loop.index0 > ns.last and loop.last %}
            {{- '<|a|>\\n<think>\\n\\n</think>\\n\\n' + content.rstrip() }}
        {%- else %}
            {{- '<|a|>\\n' + content }}
        {%- endif %}
        {{- '<|e|>\\n' }}
    {%- elif message.role == "system" %}
        {%- continue %}
    {%- else %}
        {{- '<|' + message.role[0] + '|>\\n' + (message.name + ': ' if message.name is defined else '') + message.content + '<|e|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|a|>\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>' }}{% endif %}{% endif %}""",
    # JSON, macros, and Python's words for truth and nothing.
    "python": """{% macro turn(role, text) -%}
    <{{ role | upper }}>{{ text.replace('"', "'").upper() if role.startswith('s') else text }}
{%- endmacro %}
{{ {'tools': tools, 'turns': messages | length, 'texts': ['ä', true, none, 1.5, "it's"]} | tojson }}
{{ messages[-1] | tojson(indent=2) }}
{% for message in messages if message.role != 'nobody' %}
{{ turn(message.role, message.content) }}{{ '|' if not loop.last }}
{% endfor %}
{{ tools is none }} {{ none }} {{ true and not false }} {{ messages | map(attribute='role') | join(',') }} {{ pad_token }}
{{ '%s and %d' | format('text', 3) }} {{ 7 // 2 }} {{ 7 / 2 }} {{ 'abc'[::-1] }} {{ 'a,b'.split(',') | join('+') }} {{ [1, 2] + [3] }}
""",
    # Answers are marked by the template itself.
    "generation": """{% for message in messages %}
{% if message.role == 'assistant' %}
Answer: {% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}

{% else %}
Question: {{ message.content }}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}Answer: {% endif %}""",
}

CONVERSATIONS = [
    [("user", "What is a llama?")],
    [("user", "  What is a llama? "), ("assistant", "An animal.\n")],
    [("system", "Speak \"politely\"."), ("user", "Hello — ä!"), ("assistant", "<think>\nHm.\n</think>\n\nGood day."), ("user", "Bye"), ("assistant", "Good bye.")],
    [("assistant", "I begin."), ("user", "Then go on.")],
    [("user", "one"), ("user", "two")],
]  # fmt: skip


def written(template, turns, add_generation_prompt):
    """The text, or what the template objects."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0})), bos_token="<s>", eos_token="</s>")
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=add_generation_prompt)
    except Exception as error:
        return {"error": str(error)}
    return {"text": text}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="folder to write (default: %(default)s)")
    cases = {
        name: {"template": template, "written": [[written(template, turns, add) for add in (False, True)] for turns in CONVERSATIONS]}
        for name, template in TEMPLATES.items()
    }
    conversations = [[{"role": role, "content": content} for role, content in turns] for turns in CONVERSATIONS]
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"conversations": conversations, "templates": cases}, ensure_ascii=False, indent=1)
    (out / "chat_templates.json").write_text(text + "\n")
