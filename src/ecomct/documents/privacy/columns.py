"""Columns that hold a person's data: which they are by their names, and a row without them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WHO = """(?:user|member|buyer|customer|client|reviewer|commenter|asker|answerer|receiver|recipient|consignee|contact|shipping|
    ship|billing|bill|delivery|seller|sender|poster|owner|guest|employee|courier|to|from|your|my)"""
_NUMBER = r"(?:\s?(?:no|num|number))?"
_PERSONAL = re.compile(
    rf"""(?:{_WHO}\s)*(?:
        nick(?:\s?name)?|user\s?name|screen\s?name|login(?:\sname)?|(?:full|first|last|real)\s?name|surname|pass(?:word|wd)|pwd
        |(?:cell|mobile|tele|home|work)?\s?(?:phone|mobile|tel|cell|fax){_NUMBER}|cellphone|telephone|e\s?mail(?:\saddress)?
        |(?:street|postal|mailing|home|shipping|billing|delivery|email|ip)\s?address(?:\s?(?:line)?\s?[12])?
        |ip|ssn|(?:id\scard|passport|bank\s(?:card|account)|credit\scard){_NUMBER}|card\s(?:no|number)
        |qq|we\s?chat|weixin|wx|openid|unionid|whatsapp|receiver|recipient|consignee|contact|avatar
        |birth(?:day|\s?date)?|date\sof\sbirth|order\s(?:no|sn|number|id)|tracking\s(?:no|number)|token|session(?:\sid)?)
    |{_WHO}\s(?:name|id|address|zip|avatar|image|profile|link|account)|user|buyer|customer|reviewer|receiver\s.*|consignee\s.*""",
    re.VERBOSE,
)
_PERSONAL_ZH = re.compile(
    r"""(?:收货|收件|寄件|发件|联系|买家|卖家|用户|客户|会员|购买|下单|评论|评价|经办|负责|紧急联系|旺旺|微博)*(?:的|人|者)*
    (?:昵称|用户名|会员名|账号|帐号|账户|姓名|真实姓名|名字|名称(?<=[人家户员者]名称)|手机|手机号码?|电话|电话号码|联系电话|联系方式
    |联系人|座机|传真|邮箱|电子邮件|邮件地址|地址|住址|身份证|身份证号码?|证件号码?|护照号?|银行卡|银行卡号|卡号|订单号|订单编号
    |运单号|快递单号|物流单号|QQ|QQ号|微信|微信号|旺旺|密码|生日|出生日期|头像|IP|IP地址|ID)
    |收货人|收件人|寄件人|联系人|买家|评论者|评价人|用户|用户ID|家庭住址|收货地址|收件地址""",
    re.VERBOSE | re.IGNORECASE,
)
# Addresses and names of things.
_NOT_PERSONAL = frozenset(("地址", "名字", "名称", "id", "头像", "from", "to"))


def is_personal_column(name: str) -> bool:
    """Whether a column or key is, by its name, one that holds a person's data. A suggestion: a recipe decides.

    A plain 地址 or address may be a place's and is none; what stands in it is masked where it is precise.

    >>> [is_personal_column(name) for name in ("nickName", "receiver_phone", "收货人", "手机", "手机型号", "phone_model")]
    [True, True, True, True, False, False]
    """
    folded = " ".join(_CAMEL.sub(" ", name).replace("_", " ").replace("-", " ").replace(".", " ").lower().split())
    return folded not in _NOT_PERSONAL and bool(_PERSONAL.fullmatch(folded) or _PERSONAL_ZH.fullmatch(folded.replace(" ", "")))


def without_personal(row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A copy of `row` without `columns`; a dotted name reaches into nested objects and into those of a list.

    As everywhere in a recipe, a column whose own name has a dot goes before a nested one. What is not there is no error.

    >>> row = {"text": "ok", "user": {"nick": "Li", "level": 3}, "log": [{"ip": "1.2.3.4", "n": 1}]}
    >>> without_personal(row, ["user.nick", "log.ip"])
    {'text': 'ok', 'user': {'level': 3}, 'log': [{'n': 1}]}
    """
    kept: Any = row
    for column in columns:
        kept = _without(kept, column)
    return kept if kept is not row else dict(row)


def _without(value: Any, column: str) -> Any:
    if isinstance(value, list):
        return [_without(item, column) for item in value]
    if not isinstance(value, dict):
        return value
    if column in value:
        return {name: item for name, item in value.items() if name != column}
    head, dot, rest = column.partition(".")
    if not dot or head not in value:
        return value
    return {name: _without(item, rest) if name == head else item for name, item in value.items()}
