"""What must go and what must stay, one line a case: short speech is text, an empty form is not."""

from __future__ import annotations

import pytest

from ecomct.rules import Passage, compile_profile

JUNK = {
    "title": [
        *("测试", "Untitled", "见详情", "!", "A", "★★★★★★", "13800138000", "加微信:shop_2020", "69012345678926901234"),
        *("锟斤拷锟斤拷", "x" * 501, "https://shop.example/item/1"),
    ],
    "value": [
        *(
            "其他",
            "其它",
            "Does not apply",
            "未知",
            "见包装",
            "As shown",
            "-.-",
            "N/A",
            "暂无信息",
            "请选择",
            "\ufffd\ufffd\ufffd",
        ),
        "https://shop.example/image/1.jpg",
    ],
    "description": [
        *("商品详情:", "see description", "暂无描述", "**", "Lorem ipsum dolor sit amet, consectetur", "此用户没有填写评价"),
    ],
    "review": [
        *("此用户没有填写评价。", "此用户未及时填写评价内容,系统默认评价!", "评价方未及时做出评价,系统默认好评!", "系统默认好评"),
        *("15天内买家未作出评价", "买家未及时作出评价,系统默认好评!", "该用户觉得商品非常好,给出好评"),
        *("The buyer left no comment.", "Rated automatically after 30 days."),
        *("您没有填写内容,默认好评", "The customer did not leave a review", "No review text", "好好好好好好好好"),
        *("很好很好很好很好很好", "!!!!!!", "......", "不错,价格便宜。" * 5, "good product " * 8, "test", "1111111111111"),
        *("QQ 372089320", "\ufffd\ufffd\ufffd好"),
    ],
    "question": ["?", "1111111", "测试"],
    "answer": ["?", "https://shop.example/help", "系统默认好评"],
    "article": ["Lorem ipsum", "[PHONE] [EMAIL] [ACCOUNT]"],
    "dialogue": ["......"],
    "web": [
        *("文强可以指:", "Please enable JavaScript to view this page.\nThis site uses cookies.", "买一送一,全场包邮\n" * 30),
        *("- 首页\n- 关于\n- 商品\n- 新闻\n- 联系我们\n- 招聘\n", "https://a.example/1 https://a.example/2 https://a.example/3"),
    ],
}
SPEECH = {
    "title": [
        *("茶壶", "iPhone 15 Pro 256GB 黑色", "【包邮】★新款★ 女士羊毛衫 S-XXL", "3M 9501+", "2016版熊猫银币30克", "故宫"),
        *("CR2032", "LEGO 75192", "100% cotton T-shirt (pack of 3)", "℃温度计 -30~50℃", "SKF 6204-2RS1/C3 轴承"),
    ],
    "value": [
        *("无", "no", "No", "0", "5", "金", "银", "✓", "√", "★★★★☆", "XL", "1/4oz,1oz", "6901234567892", "免费", "100%", "C"),
        *("30 x 20 cm", "+86", "$5", "否"),
    ],
    "description": [
        *("防水。", "dishwasher safe", "材质:304不锈钢;容量:500ml;适用:办公、户外", "Size: 3.4 x 2.1 in", "fits w10193840"),
    ],
    "review": [
        *(
            "好",
            "不错",
            "赞",
            "great",
            "ok",
            "Gift",
            "好好好",
            "好好好好",
            "非常好" + "!" * 24,
            "还不错" + "。" * 18,
            "很好,很好,很好",
        ),
        *("666", "default settings were fine", "as shown", "如图", "No comments from me, it just works", "好评"),
        *("此用户没有填写评价是因为太懒,其实很好", "哈哈哈哈哈哈哈,收到了", "客服的微信回复很快", "👍好用"),
        "比图片好看,物超所值,物超所值",
    ],
    "question": ["有货吗?", "在吗", "2017年1克的什么时候有", "why?", "what is the size", "支持微信支付吗"],
    "answer": [
        *("有", "no", "yes", "有货。", "可以。", "400-820-8820", "请拨打[PHONE]咨询", "默认发顺丰"),
        "尺寸和重量都写在说明里了:https://shop.example/help",
    ],
    "article": ["海昌海洋公园门票今日特价,两大一小只要299元包邮,有需要的朋友可以看看。"],
    "dialogue": ["你好,这款有红色的吗?\n有的。\n多少钱?\n九十九元,包邮。"],
    "web": [
        "JavaScript 是一种脚本语言,浏览器用它来执行网页中的程序。",
        "# 清单\n\n- 苹果:每斤五元\n- 梨:每斤四元\n- 桃:每斤六元\n- 李:每斤三元\n\n价格每天更新。",
        "Designers type lorem ipsum into a page. " + " ".join(f"Sheet {number} of the manual shows it." for number in range(40)),
    ],
}


@pytest.mark.parametrize(("profile", "text"), [(name, text) for name, texts in JUNK.items() for text in texts])
def test_junk_is_rejected(profile: str, text: str) -> None:
    language = "en" if text.isascii() else "zh"
    assert compile_profile(profile).judge(Passage(text, profile, language)) is not None


@pytest.mark.parametrize(("profile", "text"), [(name, text) for name, texts in SPEECH.items() for text in texts])
def test_speech_is_kept(profile: str, text: str) -> None:
    language = "en" if text.isascii() else "zh"
    assert compile_profile(profile).judge(Passage(text, profile, language)) is None


def test_what_repeats_its_title_or_key_is_rejected() -> None:
    body = Passage("2014 国际钱币护照。", "description", "zh", "2014国际钱币护照")
    assert compile_profile("description").judge(body) is not None
    assert compile_profile("description").judge(body._replace(text="2014 国际钱币护照,限量三千册")) is None
    # A review may say what its headline says.
    assert compile_profile("review").judge(Passage("great", "review", "en", "Great")) is None
    assert compile_profile("value").judge(Passage("材质", "value", "zh", "", "材质")) is not None
