"""Code lists of the GST portal, as its offline tool spells them."""

from datetime import date

#: States and union territories: the first two digits of a GSTIN, and the place of supply. 25 was merged into 26.
STATES = {
    "01": "Jammu & Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "25": "Daman & Diu",
    "26": "Dadra & Nagar Haveli & Daman & Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman & Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
    "97": "Other Territory",
}

#: Our units → unit quantity codes.
UNIT_QUANTITY_CODES = {"litre": "LTR", "kg": "KGS", "packet": "PAC", "piece": "NOS", "dozen": "DOZ"}

#: The words that the GST portal puts after each code.
UNIT_QUANTITY_NAMES = {
    "litre": "LTR-LITRES",
    "kg": "KGS-KILOGRAMS",
    "packet": "PAC-PACKS",
    "piece": "NOS-NUMBERS",
    "dozen": "DOZ-DOZENS",
}

#: What table 12 says of a heading (the first four digits of the HSN); the tool fills it in from its own list.
HSN_DESCRIPTIONS = {
    "0401": "Milk and cream, not concentrated nor sweetened",
    "0402": "Milk and cream, concentrated or sweetened",
    "0403": "Buttermilk, curd, yogurt and other fermented milk",
    "0404": "Whey and products of natural milk constituents",
    "0405": "Butter and other fats and oils derived from milk",
    "0406": "Cheese and curd",
    "2105": "Ice cream and other edible ice",
    "2202": "Waters and other non-alcoholic beverages",
}

#: From which day an inter-state invoice to a consumer is listed one by one (B2CL), above which value in rupees.
#: Notification 12/2024-Central Tax lowered it.
LARGE_INVOICE_LIMITS = ((date(2017, 7, 1), 250_000), (date(2024, 8, 1), 100_000))

#: The two letters by which Zoho Books knows the states.
STATE_LETTERS = {
    "01": "JK",
    "02": "HP",
    "03": "PB",
    "04": "CH",
    "05": "UK",
    "06": "HR",
    "07": "DL",
    "08": "RJ",
    "09": "UP",
    "10": "BR",
    "11": "SK",
    "12": "AR",
    "13": "NL",
    "14": "MN",
    "15": "MZ",
    "16": "TR",
    "17": "ML",
    "18": "AS",
    "19": "WB",
    "20": "JH",
    "21": "OD",
    "22": "CG",
    "23": "MP",
    "24": "GJ",
    "25": "DD",
    "26": "DN",
    "27": "MH",
    "29": "KA",
    "30": "GA",
    "31": "LD",
    "32": "KL",
    "33": "TN",
    "34": "PY",
    "35": "AN",
    "36": "TS",
    "37": "AD",
    "38": "LA",
    "97": "OT",
}
