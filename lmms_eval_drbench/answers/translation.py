"""The plainest Chinese answers in English: colours, sides, times, yes and no, and the commonest things of pictures.

Only for comparing them with a question in English; a Chinese question is answered in Chinese.
"""

import re

from lmms_eval_drbench.answers.chinese import HAS_CHINESE

_COLOURS = {
    "(?<!粉)红": "red", "橙": "orange", "橘": "orange", "黄": "yellow", "青绿": "turquoise", "绿": "green",
    "蓝": "blue", "紫": "purple", "粉红?": "pink", "黑": "black", "白": "white", "灰": "gray", "棕": "brown",
    "褐": "brown", "银": "silver", "金": "golden",
}  # fmt: skip
_NAMES = {
    # on the road
    "摩托车": "motorcycle", "自行车|单车|脚踏车": "bicycle", "公交车站|公交站|巴士站": "bus stop",
    "公交车|公共汽车|巴士": "bus",
    "出租车|的士": "taxi", "救护车": "ambulance", "消防车": "fire truck", "警车": "police car",
    "垃圾车": "garbage truck",
    "面包车|厢式货车": "van", "卡车|货车": "truck", "有轨电车|电车": "tram", "火车|列车": "train",
    "婴儿车|童车": "stroller",
    "购物车|手推车": "cart", "滑板车": "scooter", "电动车|踏板车": "scooter", "滑板": "skateboard",
    "拖拉机": "tractor",
    "汽车|轿车|小汽车|小车": "car", "飞机": "airplane", "船": "boat", "轮椅": "wheelchair", "头盔|安全帽": "helmet",
    "红绿灯|交通信号灯|交通灯|信号灯": "traffic light", "路灯": "street light", "停车标志": "stop sign",
    "路标|路牌": "road sign",
    "广告牌": "billboard", "交通锥|路锥|锥桶": "traffic cone", "消防栓": "fire hydrant",
    "停车计时器": "parking meter",
    "人行横道|斑马线": "crosswalk", "人行道": "sidewalk", "马路|道路|公路": "road", "街道": "street",
    "邮箱|邮筒|信箱": "mailbox",
    "垃圾桶|垃圾箱": "trash can", "长椅|长凳": "bench", "喷泉": "fountain", "雕像|雕塑": "statue", "桥": "bridge",
    "栅栏|篱笆|围栏": "fence", "脚手架": "scaffolding", "井盖": "manhole cover", "水坑": "puddle", "帐篷": "tent",
    # in a room
    "厨房": "kitchen", "客厅": "living room", "卧室": "bedroom", "浴室|卫生间|洗手间": "bathroom", "办公室": "office",
    "教室": "classroom", "餐厅": "restaurant", "农舍|农场": "farm", "天花板": "ceiling", "地板|地面": "floor",
    "墙壁|墙": "wall", "洗衣篮": "laundry basket",
    "茶几|咖啡桌": "coffee table", "餐桌": "dining table", "书桌|办公桌": "desk", "床头柜": "nightstand",
    "桌子": "table",
    "扶手椅": "armchair", "办公椅": "office chair", "椅子": "chair", "凳子": "stool", "沙发": "sofa",
    "书架|书柜": "bookshelf",
    "架子|货架": "shelf", "衣柜": "wardrobe", "橱柜|柜子": "cabinet", "抽屉": "drawer", "床": "bed", "枕头": "pillow",
    "靠垫|抱枕": "cushion", "毯子|毛毯": "blanket", "地毯": "carpet", "窗帘": "curtain", "窗户|窗子": "window",
    "窗台": "windowsill",
    "门把手": "door handle", "台灯": "lamp", "吊灯": "chandelier", "灯": "lamp", "蜡烛": "candle", "镜子": "mirror",
    "画框|相框": "picture frame",
    "画": "painting", "时钟|挂钟|钟表": "clock", "闹钟": "alarm clock", "壁炉": "fireplace", "花瓶": "vase",
    "盆栽": "potted plant",
    "植物": "plant", "楼梯": "stairs", "梯子": "ladder", "风扇": "fan", "空调": "air conditioner",
    "暖气片": "radiator",
    "马桶": "toilet", "浴缸": "bathtub", "水槽|洗手池|洗手盆": "sink", "水龙头": "faucet", "毛巾": "towel",
    "牙刷": "toothbrush",
    "纸巾盒|一盒纸巾|盒纸巾": "tissue box", "卫生纸": "toilet paper", "肥皂|香皂": "soap",
    "洗衣机": "washing machine",
    "冰箱": "refrigerator", "微波炉": "microwave", "烤箱": "oven", "炉灶|灶台": "stove", "烤面包机": "toaster",
    "水壶": "kettle",
    "平底锅|煎锅": "frying pan", "锅": "pot", "砧板|菜板": "cutting board", "碟子|盘子": "plate", "碗": "bowl",
    "马克杯": "mug",
    "玻璃杯": "glass", "杯子": "cup", "酒瓶|瓶子": "bottle", "叉子": "fork", "刀": "knife", "勺子|汤匙": "spoon",
    "剪刀": "scissors",
    # things
    "笔记本电脑": "laptop", "电脑": "computer", "显示器": "monitor", "键盘": "keyboard", "鼠标": "mouse",
    "打印机": "printer",
    "电视机|电视": "television", "遥控器": "remote control", "手机": "cell phone", "电话": "telephone",
    "相机|照相机": "camera",
    "耳机": "headphones", "收音机": "radio", "吉他": "guitar", "钢琴": "piano", "笔记本": "notebook",
    "杂志": "magazine",
    "报纸": "newspaper", "(?<![秘证图])书": "book", "钢笔|笔": "pen", "铅笔": "pencil", "订书机": "stapler",
    "世界地图": "world map", "地图": "map",
    "钥匙": "key",
    "双肩包|背包|书包": "backpack", "手提包": "handbag", "行李箱|旅行箱": "suitcase", "公文包": "briefcase",
    "钱包": "wallet",
    "纸箱": "cardboard box", "箱子|盒子": "box", "篮子": "basket",
    "浇水壶|洒水壶": "watering can", "海绵": "sponge", "工作台": "workbench",
    "水桶|桶": "bucket", "雨伞|遮阳伞|伞": "umbrella",
    "扫帚|扫把": "broom",
    "拖把": "mop", "锤子": "hammer", "螺丝刀": "screwdriver", "扳手": "wrench", "锯子|锯": "saw",
    "手电钻|电钻": "drill", "花店": "florist", "帆布": "canvas",
    "轮胎": "tire", "灭火器": "fire extinguisher", "帽子": "hat", "眼镜": "glasses", "太阳镜|墨镜": "sunglasses",
    "手套": "gloves",
    "围巾": "scarf", "围裙": "apron", "外套|夹克": "jacket", "衬衫": "shirt", "裤子": "pants", "裙子": "skirt",
    "鞋子|鞋": "shoe",
    "靴子": "boots", "气球": "balloon", "足球": "football", "篮球": "basketball", "网球拍": "tennis racket",
    "球": "ball",
    "风筝": "kite", "玩具熊|泰迪熊": "teddy bear", "玩具": "toy",
    # food, animals, people
    "苹果": "apple", "香蕉": "banana", "橙子": "orange", "柠檬": "lemon", "葡萄": "grapes", "草莓": "strawberry",
    "西瓜": "watermelon",
    "胡萝卜": "carrot", "西红柿|番茄": "tomato", "面包": "bread", "蛋糕": "cake", "披萨|比萨": "pizza",
    "三明治": "sandwich",
    "奶酪": "cheese", "鸡蛋": "egg", "咖啡": "coffee", "牛奶": "milk", "啤酒": "beer", "红酒|葡萄酒": "wine",
    "鱼": "fish",
    "熊猫": "panda", "热狗": "hot dog", "河马": "hippo", "机器人": "robot",
    "猫": "cat", "狗": "dog", "鸽子": "pigeon", "鸭子": "duck", "鸟": "bird", "马": "horse", "奶牛|牛": "cow",
    "绵羊|羊": "sheep",
    "大象": "elephant", "长颈鹿": "giraffe", "斑马(?!线)": "zebra", "熊": "bear", "花": "flower", "树": "tree",
    "草坪|草地": "grass",
    "服务员": "waiter", "厨师": "cook", "警察": "police officer", "司机": "driver", "骑车人|骑行者": "cyclist",
    "行人": "pedestrian",
    "女孩": "girl", "男孩": "boy", "小孩|孩子|儿童": "child", "女人|女士|女子": "woman", "男人|男士|男子": "man",
    "人": "person",
}  # fmt: skip
"""The commonest things of pictures."""
_SIDES = {
    "(?:正)?(?:下面|下方|底下)": "under", "(?:正)?(?:后面|后方|背后)": "behind", "(?:正)?(?:前面|前方)": "in front of",
    "(?:正)?上方": "above", "上面?": "on", "旁边?": "next to", "里面?|内": "in",
}  # fmt: skip
_LONGEST_FIRST = sorted(
    ((alternative, english) for names, english in _NAMES.items() for alternative in names.split("|")),
    key=lambda name: -len(name[0]),
)
_ENGLISH = "|".join(sorted({*_NAMES.values()}, key=len, reverse=True))
_PLAIN = [
    (re.compile(pattern), english)
    for pattern, english in (
        *((rf"{name}灯", f" {english} ") for name, english in _COLOURS.items()),
        *((rf"[深浅]?{name}(?:色的?|的?(?=\s*(?:$|[,.;!])))", f" {english} ") for name, english in _COLOURS.items()),
        (r"没有?(?:什么|任何)?(?:问题|异常|不对劲?)(?:的地方)?|没什么不对", " nothing is wrong "),
        (r"条纹", " striped "),
        (r"圆点|波点", " dotted "),
        (r"白天|日间", " day "),
        (r"晚上|夜晚|夜间|夜里|深夜", " night "),
        (r"室内", " indoors "),
        (r"(?:室|户)外", " outdoors "),
        (r"左(?:边|侧|面|方|手边)?(?!上|下|右)", " left "),
        (r"(?<!左)右(?:边|侧|面|方|手边)?(?!上|下)", " right "),
        (r"(?:打|敞)?开着的?|打开的?|敞开的?|^\s*开的?(?=\W*$)", " open "),
        (r"(?:关|合|闭)着的?|关闭的?|关上的?|^\s*关的?(?=\W*$)", " closed "),
        (r"^\s*(?:是的?|对的?|有的?|正确)\s*(?=$|[,.;!])", "yes"),
        (r"^\s*(?:不是的?|不对|否|没有|没)\s*(?=$|[,.;!])", "no"),
        *(
            (rf"没有(?:看到|任何|一?只)?(?:{name})(?=\s*(?:$|[,.;!]))", f" there is no {one} ")
            for name, one in _LONGEST_FIRST
        ),
        *((rf"一?[个只辆匹头把架块张台条本顶件盏]?(?:{name})", f" {one} ") for name, one in _LONGEST_FIRST),
        *((rf"\b({_ENGLISH})\s的?(?:{side})", rf" {one} \1 ") for side, one in _SIDES.items()),
    )
]


def translated(text: str, other: str) -> str:
    """`text` with its plainest Chinese words in English, unless `other`, what it is compared with, is Chinese."""
    if not HAS_CHINESE.search(text) or HAS_CHINESE.search(other):
        return text
    for pattern, english in _PLAIN:
        text = pattern.sub(english, text)
    return text
