"""What shops, forms and crawlers write where nobody wrote anything. Matched whole, after `plain`.

Sources. Reviews: what Taobao, Tmall, JD and food and shop systems show for a review without text, as their crawlers and
source code on GitHub quote it ("此用户没有填写评论!", "此用户未及时填写评价内容,系统默认评价!", "15天内买家未作出评价",
"评价方未及时做出评价,系统默认好评!", "该用户觉得商品非常好,给出好评"). Values: attribute forms of the same shops,
Amazon's and eBay's "Does not apply" and "See description". Placeholders: forms, templates and test rows everywhere.
"""

from __future__ import annotations

import re

_ENDS = " \t\n.。!?,;:~…-—_*()[]{}<>【】《》「」“”\"'/\\|"
# A longer field is none of these.
MOST_CHARS = 40
MOST_CHARS_LISTED = 28


def plain(text: str) -> str:
    """`text` without case and without signs around it.

    >>> plain("【Test】!"), plain("此用户没有填写评价。")
    ('test', '此用户没有填写评价')
    """
    return text.strip(_ENDS).casefold()


def _listed(text: str) -> frozenset[str]:
    return frozenset(phrase.strip() for phrase in text.split("|"))


# In any field.
PLACEHOLDERS = _listed(
    """n/a | na | null | none | nil | nan | undefined | todo | tbd | tba | fixme | placeholder | test | testing
    | test test | just a test | this is a test | asdf | asdfgh | asdfghjkl | qwerty | lorem ipsum | foobar | foo bar
    | sample text | your text here | text here | enter text here | insert text here | description here | title here
    | no title | untitled | no description | no description available | description not available | no data
    | no content | no text | to be announced | to be determined | please wait | content removed | page not found
    | 404 not found | access denied | 测试 | 测试商品 | 测试标题 | 测试测试 | 测试数据 | 测试内容 | 无标题 | 无内容
    | 无描述 | 无数据 | 暂无 | 暂无数据 | 暂无内容 | 暂无描述 | 暂无介绍 | 暂无简介 | 暂无信息 | 暂无资料 | 暂无说明
    | 待补充 | 待完善 | 待更新 | 加载中 | 正在加载 | 正在加载中 | 请稍候 | 内容已删除 | 该内容已被删除 | 页面不存在
    | 数据加载中"""
)
# In what a shop writes. A customer who writes "as shown" or "如图" says that the goods are what the picture promised.
POINTERS = _listed(
    """see details | see description | see product description | see item description | see above | see below
    | see title | see picture | see pictures | see photo | see photos | see image | see images | as shown
    | as pictured | as shown in picture | as the picture shows | as picture | as described | as per title | as title
    | as image | click here | read more | view details | product description | product details | coming soon
    | not available | currently unavailable | description | details | 见详情 | 详见详情 | 详见详情页 | 见详情页
    | 详情页 | 详情见图 | 见描述 | 详见描述 | 见商品描述 | 详见商品描述 | 见图 | 如图 | 如图所示 | 如图片所示 | 见图片
    | 详见图片 | 详见图 | 看图 | 以实物为准 | 以图片为准 | 请看详情 | 请看图片 | 请看描述 | 点击查看 | 点击查看详情
    | 查看详情 | 查看更多 | 查看全部 | 商品详情 | 商品介绍 | 产品详情 | 产品介绍 | 商品描述 | 产品描述 | 敬请期待
    | 待定"""
)
# As a value: the key is left without an answer. "no", "无" and "0" are answers.
EMPTY_VALUES = _listed(
    """other | others | unknown | unspecified | not specified | not applicable | does not apply | not stated
    | not sure | ? | xx | xxx | misc | miscellaneous | please select | select | default | see package | see packaging
    | see label | value | tbc | 其他 | 其它 | 未知 | 不详 | 不明 | 不确定 | 未标注 | 未注明 | 未填写 | 未填 | 请选择
    | 默认 | 详见包装 | 见包装 | 见外包装 | 详见外包装 | 见标签 | 见吊牌 | 见说明书 | 详见说明书 | 见产品 | 见实物
    | 以实际为准 | 咨询客服 | 请咨询客服 | 联系客服 | 请联系客服 | 不适用 | 其他/other | other/其他 | 其他材质
    | 其他品牌 | 其他颜色"""
)
_GIVES = "(?:给予|给出|为|给)?了?"
_WHO = "(?:(?:此|该|本)?(?:用户|买家|顾客|客户|会员)|评价方|对方|您)"
DEFAULT_REVIEWS = re.compile(
    rf"""
    (?:[0-9]{{1,3}}天内)?{_WHO}(?:暂|尚)?(?:未|没有?)(?:及时|按时)?(?:填写|作出|做出|写下?|发表|给出|留下|进行)?(?:任何|文字)?
        (?:评价|评论|内容|文字)(?:内容)?(?:[,.。!;:\s]{{0,3}}(?:系统|平台)?(?:自动|默认){{1,2}}{_GIVES}(?:五星)?(?:好评|评价))?
    |(?:系统|平台)?(?:自动|默认){{1,2}}{_GIVES}(?:[五5]星)?(?:好评|评价|评论)
    |(?:此|该|本)用户(?:觉得|认为)商品(?:很|非常|比较)?(?:好|不错|满意),?(?:并)?给出了?(?:[五5]星)?好评
    |(?:订单)?(?:超时|逾期)未评价,?(?:系统|平台)?(?:自动|默认){{1,2}}{_GIVES}好评
    |(?:暂无|没有|无|未)(?:评价|评论)(?:内容)?|未填写评价(?:内容)?
    |(?:the|this)[ ](?:customer|buyer|user|reviewer)[ ](?:did[ ]not|didn't|has[ ]not|hasn't)
        [ ](?:leave|left|write|written|provide|provided)[ ](?:a|any)[ ](?:written[ ])?(?:review|comments?|feedback)
    |(?:the|this)[ ](?:customer|buyer|user|reviewer)[ ](?:left|wrote)[ ]no[ ](?:review|comments?|feedback)
    |(?:auto(?:matically)?[ ])?rated(?:[ ]automatically)?[ ]after[ ][0-9]{{1,3}}[ ]days
    |no[ ](?:review|review[ ]text|written[ ]review|comments?|feedback)(?:[ ](?:left|available|provided|yet))?
    |(?:automatic|default|system[ ]default)[ ](?:positive[ ])?(?:review|rating|feedback)
    """,
    re.VERBOSE,
)
