"""Units: what may follow a number, and be missing in another response, without making another number of it.

A unit is one of the table, in any of its spellings, alone or composed (`km/h`, `miles per hour`, `square
meters`, `$ per day`), or a plain noun in the plural (`18 eggs`). Words of quantity and relation (`million`,
`dozen`, `times`, `less`) are no units: with them it is another answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bestroute.answering.agreement.words import word_set

Unit = tuple[str, ...]

# One unit a line: its name here, then its other spellings; the rest of a name in many words is not needed.
_TABLE = """
m meter meters metre metres mètres metro metros 米 メートル 미터 метр метров
km kilometer kilometers kilometre kilometres kilomètres kilómetros 公里 千米 キロメートル 킬로미터 км
cm centimeter centimeters centimetre centimetres 厘米 センチメートル 센티미터 см
mm millimeter millimeters millimetre millimetres 毫米 мм
nm nanometer nanometers nanometre nanometres
μm micrometer micrometers microns
mi mile miles
ft foot feet
in inch inches
yd yard yards
g gram grams gramm grammes gramos 克 グラム 그램 г
kg kilogram kilograms kilogramm kilogrammes kilogramos kgs kilos 公斤 千克 キログラム 킬로그램 кг
mg milligram milligrams 毫克
μg mcg microgram micrograms
t ton tons tonne tonnes 吨
lb lbs pound pounds
oz ounce ounces
l L liter liters litre litres 升 リットル 리터
ml mL milliliter milliliters millilitre millilitres 毫升
gal gallon gallons
s sec secs second seconds sekunde sekunden seconde secondes segundo segundos 秒 초
ms millisecond milliseconds
min mins minute minutes minuten minuto minutos 分钟 分鐘 分 분 мин
h hr hrs hour hours stunde stunden heure heures hora horas 小时 小時 時間 시간 час часа часов
day days tag tage tagen jour jours día días 天 日 일 день дней
week weeks woche wochen semaine semaines semana semanas 周 週間
month months monat monate mois mes meses 个月 個月 か月 개월
year years yr yrs jahr jahre jahren ans año años 年 岁 歳 세 년 лет
$ dollar dollars usd USD US$ 美元 ドル 달러
€ euro euros eur EUR 欧元 ユーロ 유로 евро
£ gbp GBP sterling 英镑
¥ yen jpy JPY 円 日元 엔
元 yuan rmb RMB cny CNY 块
₹ rupee rupees inr INR rs Rs
₩ won krw KRW 원
₽ rub RUB ruble rubles руб рублей
¢ cent cents
% percent prozent pourcent процентов
° degree degrees deg grad degrés grados 度 도
rad radian radians
K kelvin kelvins
N newton newtons
J joule joules
kJ kilojoule kilojoules
cal calorie calories
kcal kilocalorie kilocalories
W watt watts
kW kilowatt kilowatts
MW megawatt megawatts
V volt volts
A amp amps ampere amperes
Ω ohm ohms
Hz hertz
kHz kilohertz
MHz megahertz
GHz gigahertz
Pa pascal pascals
kPa kilopascal kilopascals
atm atmosphere atmospheres
mol mole moles
eV electronvolt electronvolts
dB decibel decibels
bit bits
byte bytes
kB KB kilobyte kilobytes
MB megabyte megabytes
GB gigabyte gigabytes
TB terabyte terabytes
acre acres
ha hectare hectares
个 個 つ 개
人 名 명 people persons person
"""
_COMPOSED = {
    "mph": ("mi", "/", "h"),
    "kph": ("km", "/", "h"),
    "kmh": ("km", "/", "h"),
    "°C": ("°", "C"),
    "°F": ("°", "F"),
}
_TEMPERATURES = {"C": "C", "F": "F", "celsius": "C", "fahrenheit": "F", "Celsius": "C", "Fahrenheit": "F"}
_PER = frozenset(("/", "per", "a", "an", "each", "every", "pro", "par", "por"))
_SQUARES = {"square": "2", "sq": "2", "cubic": "3"}
_POWERS = {"squared": "2", "cubed": "3"}
_SPELLINGS = {word: line.split()[0] for line in _TABLE.strip().splitlines() for word in line.split()}
_IRREGULAR = word_set("children men women teeth geese mice fish sheep pence")
# Words in -s that make another number, or another thing, of it.
_NO_NOUNS = word_set("""
less plus minus times tens hundreds thousands millions billions trillions dozens scores pairs
couples halves thirds quarters fourths fifths sixths sevenths eighths ninths tenths hundredths
thousandths millionths lakhs crores grosses doubles triples besides afterwards towards backwards
forwards upwards downwards always perhaps sometimes is was has does as this its his us yes across
versus unless else powers factors multiples percents negatives positives inverses reciprocals roots
squares cubes logs sines radix moins fois millions milliers centaines dizaines douzaines tiers plus
menos veces millones docenas centenas tercios mitades mindestens wenigstens mals vezes
milhares dezenas remainders ordinals
""")


def read_unit(values: Sequence[str | Fraction], letters: bool) -> Unit | None:
    """The unit that these tokens are, whole, in one spelling; None for anything else.

    `letters`: whether a single letter may be a unit; in mathematics it is a variable.
    """
    if list(values[:2]) == ["per", "cent"]:
        values = ["%", *values[2:]]
    unit: Unit = ()
    at, noun = 0, True
    while at < len(values):
        factor = _factor(values[at:], letters, noun)
        if factor is None:
            return None
        unit, at = (*unit, *factor[0]), at + factor[1]
        if at == len(values):
            return unit
        noun = values[at] in _PER
        unit = (*unit, "/") if noun else unit
        at += noun or values[at] == "*"
    return None  # nothing, or nothing after a slash


def _factor(values: Sequence[str | Fraction], letters: bool, noun: bool) -> tuple[Unit, int] | None:
    """The next unit with its power, and how many tokens it takes; `noun`: it may be a plain one."""
    power = _SQUARES.get(str(values[0]))
    at = int(power is not None)
    unit = _known(values[at], letters) if at < len(values) else None
    if unit is None and noun and at < len(values):
        unit = _noun(values[at])
    if unit is None:
        return None
    after = values[at + 1 : at + 3]
    if unit == ("°",) and after and after[0] in _TEMPERATURES:
        return ("°", _TEMPERATURES[str(after[0])]), at + 2
    if after and after[0] in _POWERS:
        power, at = _POWERS[str(after[0])], at + 1
    elif len(after) == 2 and after[0] == "^" and isinstance(after[1], Fraction):
        power, at = str(after[1]), at + 2
    return (unit if power is None else (*unit, "^", power)), at + 1


def _noun(value: str | Fraction) -> Unit | None:
    """A plain noun in the plural."""
    if not isinstance(value, str) or not (value.isascii() and value.islower() and value.isalpha()):
        return None
    plural = value.endswith("s") and not value.endswith("ss") and len(value) > 3
    return (value,) if (plural or value in _IRREGULAR) and value not in _NO_NOUNS else None


def _known(value: str | Fraction, letters: bool) -> Unit | None:
    if not isinstance(value, str) or (
        len(value) == 1 and value.isascii() and value.isalpha() and not letters
    ):
        return None
    if value in _COMPOSED:
        return _COMPOSED[value]
    name = _SPELLINGS.get(value) or (_SPELLINGS.get(value.casefold()) if len(value) > 3 else None)
    return None if name is None else (name,)


CURRENCIES = {
    spelling: _SPELLINGS[spelling]
    for spelling in (
        "$",
        "€",
        "£",
        "¥",
        "元",
        "₹",
        "₩",
        "₽",
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "RMB",
        "CNY",
        "INR",
        "KRW",
        "Rs",
        "RUB",
    )
}
