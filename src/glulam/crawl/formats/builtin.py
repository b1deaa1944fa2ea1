"""x"""

from __future__ import annotations

from glulam.crawl.formats.json_files import json_answer


def answer_of(file, opened, head, kind, options):
    return json_answer(file, opened, head, options)


def is_cloudtrail(head):
    return False
