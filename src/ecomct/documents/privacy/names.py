"""Names of persons after a label that says whose: 收货人:..., Recipient: ... . A name in running text is not sought.

Precision first: a Chinese value is a frequent surname and one or two characters, an English one begins with a frequent first
name; so a brand, a shop or a title after the same label stays.
"""

from __future__ import annotations

from ecomct.documents.privacy.placeholders import Counts, Rule

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
# The hundred most frequent surnames of the 2020 census and others of the classical list that are no words of a shop's forms.
_SURNAMES = """王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢
    姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤
    康易乔文赖樊兰殷施洪翟安颜倪温芦俞葛季岳齐牛辛聂伍耿詹欧焦裴霍柳阮尚纪祝左路甘柯骆柴鲍章卓冉苗庞凌翁
    滕甄宁虞蒲佟戚邬桂阎涂舒褚简娄盛房穆屈项"""
_DOUBLE = "欧阳|上官|司马|诸葛|司徒|东方|夏侯|皇甫|尉迟|公孙|慕容|令狐|端木|独孤"
# What may follow a name at once: another field of the form, a form of address, or a small word.
_NEXT = "电话|手机|联系|身份|地址|住址|邮编|邮箱|微信|先生|女士|小姐|收(?![货件])|的|订单|快递"
# Words that begin with a surname.
_WORDS = """方便|方[式法案面]|任[何意务选]|文[字件本]|金[币额牌银]|白[色天银]|
    高[兴级档]|常[见用]|向[上下前后]|万[一元]|左右|温[度馨]|路[上口]|
    项[目链]|安[全装排]|马上|时[间候]|成[功年]|石[头材]|孔[子]|康[师复]|
    乐[意趣]|程[序度]|何[时处人]|段|强|应[该当]|有[效限]|单[位独]|
    包[装裹]|周[一二三四五六日末边]|单|于[是]|许[多可]|余[额下]|房[间产]|
    纪念|欧[洲元美]|齐[全]|盛[大]|关[于注]|牛[奶肉]|龙[年]|季[度节]|
    毛[重]|江[苏西]|海[南外]|严[格重]|连|贺[岁卡]|本人"""
_TITLES = "先生|女士|小姐|老师|经理|总|主任|师傅|同志"
_LABELS = "姓名 收件人 收货人 发货人 发件人 寄件人 联系人 交接人 收款人 购买人 持卡人 户名 订货人 订购人"
_LABEL = rf"(?:姓\s?名|{'|'.join(_LABELS.split()[1:])})(?:姓名|名字|名称|名|信息|资料)?"
# A colon, "是" or a space; nothing only where a further field of a form follows the name.
_SAYS = rf"(?:\s?[:：]\s?|\s?(?:是|\s)[:：\s]?|(?=[{_HAN}]{{2,4}}[,;、\s]{{0,2}}(?:电话|手机|联系|身份证|地址)))"
_SINGLE = rf"[{''.join(_SURNAMES.split())}](?!{_TITLES})(?:[{_HAN}](?!{_TITLES})[{_HAN}]|[{_HAN}])"
_NAME_ZH = Rule(
    "name",
    rf"""{_LABEL}{_SAYS}(?P<value>(?!{"".join(_WORDS.split())})
        (?:(?:{_DOUBLE})[{_HAN}]{{1,2}}|[{_HAN}]{{1,6}}·[{_HAN}]{{1,8}}|{_SINGLE}))
    (?=[^{_HAN}·]|$|{_NEXT})""",
    words=f"姓 {_LABELS}",
)
_FIRST_NAMES = """james john robert michael david william richard joseph thomas charles christopher daniel matthew anthony
    mark donald steven steve paul andrew joshua kenneth kevin brian george timothy ronald edward jason
    jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory
    alexander frank patrick raymond jack dennis jerry tyler aaron jose adam nathan henry douglas zachary
    peter kyle walter ethan jeremy harold keith christian roger noah gerald carl terry sean arthur austin
    lawrence jesse dylan bryan joe jordan billy bruce albert willie gabriel logan alan juan wayne roy ralph
    randy eugene vincent russell louis philip bobby johnny bradley mary patricia jennifer linda elizabeth
    barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna michelle
    carol amanda melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley
    emma brenda pamela nicole anna samantha katherine christine debra rachel carolyn janet maria olivia
    heather helen catherine diane julie victoria joyce lauren kelly christina ruth joan virginia judith
    evelyn hannah andrea megan cheryl jacqueline madison teresa abigail sophia martha sara gloria janice
    kathryn ann isabella judy charlotte julia jane alice jean kate tom mike bob jim bill dave chris matt dan
    tony sue"""
_NAME_EN = Rule(
    "name",
    rf"""(?:(?<![A-Za-z])(?i:recipient|attn|attention|consignee|receiver|addressee|ship\sto|deliver\sto)(?:'s)?(?:\s(?i:name))?\.?\s?[:：]\s?
        |(?:^|(?<=[\n,.;:!?()|])\s?|(?<![A-Za-z])(?i:my|his|her|full|first|last|customer|contact|buyer|purchaser|card\s?holder)\s)
            (?i:name)\s?(?:[:：]|(?i:is)\s)\s?)
    (?:(?i:mr|mrs|ms|dr)\.?\s)?(?P<value>(?=[A-Z])(?i:{"|".join(_FIRST_NAMES.split())})(?:\s[A-Z]\.?)?(?:\s(?:[A-Z]')?[A-Z][a-z-]{{1,20}}){{1,2}})
    (?![A-Za-z])(?!\s[A-Z][a-z])""",
    words="name recipient attn attention consignee receiver addressee ship deliver",
)


def mask_names(text: str, counts: Counts) -> str:
    """Names of persons after their label, Chinese and English; without a label none. Below 1 us for a text without a label."""
    if "人" in text or "姓" in text or "户名" in text:
        text = _NAME_ZH(text, text, counts)
    if ":" in text or "ame is " in text:
        text = _NAME_EN(text, text.lower(), counts)
    return text
