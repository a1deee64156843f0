# SPDX-License-Identifier: Apache-2.0
"""Views of made-up farms, as docs/console-api.md describes them: what every page shows without a server.

scene(name) gives {path: view}. Scenes: normal, empty, problems, many (200 workers), hostile (names that want to be markup, or very long), wrong (forms that came back),
away (the database).
"""
import math
from typing import Any, Callable

View = dict[str, Any]
SCENES = ["normal", "empty", "problems", "many", "hostile", "wrong", "away"]
SCRIPT = "<script>alert(1)</script>"
QUOTES = "\"'><img src=x onerror=alert(2)>{{token}}&amp;"
LONG = "a" * 255
WORKER_NAMES = ["rig1", "rig2", "garage-north", "cellar", "attic", "loan-from-bob"]
HOSTILE_NAMES = [SCRIPT, QUOTES, LONG, "name with spaces " * 15, "ÄÖÜ 矿工 ⛏", "x"]


def time(text: str, full: str = "2026-11-29 10:15:00 UTC") -> View:
    """A time of the contract."""
    return {"iso": full[:19].replace(" ", "T") + "Z", "text": text, "full": full}


def rate(value: float) -> View:
    """A hashrate of the contract."""
    unit = max(0, min(5, int(math.log10(value) // 3))) if value else 0
    return {"value": value, "text": f"{value / 1000 ** unit:.2f} {['h', 'kh', 'Mh', 'Gh', 'Th', 'Ph'][unit]}/s"}


def flags(state: str, words: list[str]) -> View:
    """is_… for each of the words."""
    return {"state": state, **{"is_" + word.replace("-", "_"): word == state for word in words}}


class Farm:
    """One scene: pools, workers, and the pages about them."""

    def __init__(self, scene: str) -> None:
        self.base, self.is_hostile = f"/{scene}", scene == "hostile"
        names = HOSTILE_NAMES if self.is_hostile else WORKER_NAMES
        if scene == "many":
            names = [f"rig{n:03}" for n in range(1, 201)]
        pool_names = [SCRIPT, LONG, QUOTES] if self.is_hostile else ["alpha", "beta", "gamma"]
        self.is_bad = scene in ("problems", "many", "away")
        self.pools = [] if scene == "empty" else [self.pool(n, name) for n, name in enumerate(pool_names, 1)]
        self.workers = [] if scene == "empty" else [self.worker(n, name) for n, name in enumerate(names, 1)]

    def reference(self, kind: str, number: int, name: str) -> View:
        """A reference of the contract."""
        return {"id": number, "name": name, "href": f"{self.base}/{kind}/{number}"}

    def pool(self, number: int, name: str) -> View:
        """The first is up; the others get worse in bad scenes."""
        state = ["up", "down" if self.is_bad else "up", "half-open" if self.is_bad else "disabled"][number - 1]
        said = {"up": "up", "down": "down for 3 min: connection refused", "half-open": "being tried again: was down for 12 min", "disabled": "disabled"}
        reference = self.reference("pools", number, name)
        down = state == "down"
        return {
            **reference, "workers_href": reference["href"] + "/workers", "url": SCRIPT if self.is_hostile else f"http://{name}.example.com:8332/getwork", "enabled": state != "disabled",
            "roll_ntime": number == 2, "revision": 3, "worker_count": 6, **flags(state, ["up", "down", "half-open", "disabled", "unknown"]), "state_text": said[state],
            "since": time("3 min ago") if down else None, "reason": "Connection refused by 192.0.2.7 port 8332." if down else None,
            "latency_ms": None if state in ("down", "disabled") else 38 * number, "watch": "long poll" if number == 1 else "asking every 15 s",
            "last_block": time("7 min ago") if number == 1 else None, "getworks": 18211 // number ** 2, "accepted": 1204 // number ** 2, "rejected": 9 * number,
            "rejected_percent": ["0.7", "5.6", "16.8"][number - 1], "is_rejecting": self.is_bad and number == 2}

    def worker(self, number: int, name: str) -> View:
        """Mostly well; in bad scenes some are silent, some are refused."""
        state = "unassigned" if number == 6 else "idle" if number == 5 else "silent" if self.is_bad and number % 7 == 3 else "active"
        busy = state in ("active", "silent")
        reference = self.reference("workers", number, name)
        said = {"active": "active", "silent": "silent for 2 h", "idle": "never seen", "unassigned": "no enabled pool"}
        wave = " L".join(f"{x} {10 + 7 * math.sin(x / 9 + number):.1f}" for x in range(0, 101, 4))
        source = self.reference("pools", 1, self.pools[0]["name"])
        return {
            **reference, "pools_href": reference["href"] + "/pools", "pool_count": 3, "enabled_count": 2, **flags(state, ["active", "silent", "idle", "unassigned"]),
            "state_text": said[state], "is_waiting": state == "active" and number % 2 == 1, "last_work": {"time": time("12 s ago"), "pool": source} if busy else None,
            "last_accepted": {"time": time("3 min ago"), "pool": source} if busy else None, "accepted": 214 * number if busy else 0, "rejected": 3 * number if busy else 0,
            "rejected_percent": ("9.4" if self.is_bad and number == 2 else "1.4") if busy else None, "is_rejecting": self.is_bad and number == 2,
            "hashrate": rate(1.21e9 * number if state == "active" else 0), "spark": "M" + wave if busy else None, "revision": 2}

    def assignment(self, worker: View, pool: View, place: int = 0) -> View:
        """Of three: the last one is off."""
        enabled = place != 2
        return {
            "worker": {key: worker[key] for key in ("id", "name", "href")}, "pool": {key: pool[key] for key in ("id", "name", "href", "enabled", "state", "state_text")},
            "username": f"me.{worker['name']}", "has_password": place != 1, "priority": 10 - 5 * place, "enabled": enabled, "revision": 1, "is_first": place == 0,
            "is_last": place == len(self.pools) - 1, "is_used": enabled and pool["enabled"], "edit_href": f"{worker['href']}/pools?edit={pool['id']}"}

    def page(self, word: str, title: str, part: str, **members: Any) -> View:
        """What is in every view, and this page's own."""
        notices = []
        if self.is_bad:
            notices = [{"text": "The database is away since 2026-11-22 10:02:11 UTC (for 4 min). Miners go on; 117 shares wait in the spools of 4 processes, the fullest of "
                        "which is full to 31 percent; about 12 more were left by a process that is gone. The cause: the database mysql://proxy@db.example.com/mining is "
                        "away (connect: Can't connect to server on 'db.example.com' (111), error 2002).", "is_problem": True},
                       {"text": "The schema is of an older version: run database/upgrade-3.sql when there is time.", "is_problem": False}]
        return {
            "page": word, "title": title, **{f"is_{name}": name == part for name in ("dashboard", "pools", "workers", "alerts", "about")}, "base": self.base, "assets": "/static",
            "asset_version": "1", "version": "0.4.0", "user": SCRIPT if self.is_hostile else "operator", "token": "sample-token", "now": time("now"),
            "message": None, "notices": notices, **members}


def form(action: str, values: dict[str, str], revision: str = "", errors: dict[str, str] | None = None, error: str | None = None) -> View:
    """A form of the contract."""
    return {"action": action, "values": values, "errors": errors or {}, "has_errors": bool(errors), "error": error, "revision": revision}


def chart(farm: Farm) -> View:
    """A day of a farm that breathes."""
    points = [(x, 52 + 26 * math.sin(x / 60) + 9 * math.sin(x / 7.3) + (60 if farm.is_bad and x > 540 else 0)) for x in range(0, 721, 6)]
    line = "M" + " L".join(f"{x} {y:.1f}" for x, y in points)
    return {
        "has_data": bool(farm.workers), "line": line, "area": line + " L720 160 L0 160 Z", "y_labels": [{"at": at, "text": text} for at, text in
        ((0, "40 Gh/s"), (40, "30 Gh/s"), (80, "20 Gh/s"), (120, "10 Gh/s"), (160, "0"))],
        "x_labels": [{"at": 120 * n, "text": f"{(10 + 4 * n) % 24:02}:00"} for n in range(7)], "summary": "Farm hashrate over 24 hours: between 18 and 36 Gh/s, now 25.41 Gh/s."}


def shares(farm: Farm, verdict: str) -> list[View]:
    """The last of one verdict; a few unknown ones among them."""
    found = []
    for n in range(20 if farm.workers else 0):
        word = "unknown" if verdict == "accepted" and n == 3 else "rejected" if verdict == "rejected" or n == 1 else "accepted"
        worker, pool = farm.workers[n % len(farm.workers)], farm.pools[n % 2]
        reason = {"accepted": None, "rejected": farm.is_hostile and SCRIPT or ["stale work", "duplicate", "above target"][n % 3], "unknown": "the pool did not answer in 30 s"}
        found.append({"time": time(f"{n * 7 + 2} s ago"), "worker": worker, "pool": pool, "verdict": word, **flags(word, ["accepted", "rejected", "unknown"]), "reason": reason[word],
                      "difficulty": "16"})
    return found


def dashboard(farm: Farm) -> View:
    """The first page."""
    count, silent = len(farm.workers), sum(worker["is_silent"] for worker in farm.workers)
    down = sum(pool["is_down"] for pool in farm.pools)
    totals = {
        "hashrate": rate(25.41e9 if count else 0), "workers": count, "active": sum(worker["is_active"] for worker in farm.workers), "silent": silent,
        "waiting": sum(worker["is_waiting"] for worker in farm.workers), "pools": len(farm.pools), "pools_up": sum(pool["is_up"] for pool in farm.pools), "pools_down": down,
        "accepted": 13204 if count else 0, "rejected": 171 if count else 0, "rejected_percent": ("4.1" if farm.is_bad else "1.3") if count else None,
        "is_rejecting": farm.is_bad, "getworks": 201455 if count else 0}
    windows = [{"word": word, "label": word.replace("h", " hours").replace("d", " days"), "href": f"{farm.base}/?window={word}", "is_current": word == "24h"} for word in ("1h", "6h", "24h", "7d", "30d")]
    return farm.page("dashboard", "Dashboard", "dashboard", window="24h", windows=windows, has_statistics=True, totals=totals, chart=chart(farm), workers=farm.workers, pools=farm.pools,
                     submissions=shares(farm, "accepted"), rejections=[] if not count else shares(farm, "rejected"))


def pool_pages(farm: Farm) -> dict[str, View]:
    """Pools, one by one and their workers."""
    pages = {"/pools": farm.page("pools", "Pools", "pools", pools=farm.pools),
             "/pools/new": farm.page("pool", "Add a pool", "pools", is_new=True, pool=None, can_delete=False, form=form(farm.base + "/pools/new", {"name": "", "url": "", "roll_ntime": ""}))}
    for pool in farm.pools:
        pages[f"/pools/{pool['id']}"] = farm.page("pool", pool["name"], "pools", is_new=False, pool=pool, can_delete=pool["id"] == 3,
                                                  form=form(pool["href"], {"name": pool["name"], "url": pool["url"], "roll_ntime": "1" if pool["roll_ntime"] else ""}, "3f00"))
        pages[f"/pools/{pool['id']}/workers"] = farm.page(
            "pool_workers", f"Workers of {pool['name']}", "pools", pool=pool, assignments=[farm.assignment(worker, pool, n % 3) for n, worker in enumerate(farm.workers[:5])],
            unassigned=[{key: worker[key] for key in ("id", "name", "href")} for worker in farm.workers[5:]], is_adding=True,
            form=form(pool["workers_href"], {"username": "%w", "priority": "0"}))
    return pages


def worker_pages(farm: Farm) -> dict[str, View]:
    """Workers, one by one and their pools."""
    new = form(farm.base + "/workers/new", {"name": ""})
    pages = {"/workers": farm.page("workers", "Workers", "workers", workers=farm.workers),
             "/workers/new": farm.page("worker", "Add a worker", "workers", is_new=True, worker=None, can_delete=False, clone_from=None, miner=None, form=new)}
    for worker in farm.workers[:6]:
        pages[f"/workers/{worker['id']}"] = farm.page(
            "worker", worker["name"], "workers", is_new=False, worker=worker, clone_from=None, can_delete=worker["id"] == 6, form=form(worker["href"], {"name": worker["name"]}, "2f00"),
            miner={"url": "http://proxy.example.net:8332/", "command": f"minerd -a sha256d -o http://proxy.example.net:8332/ -u '{worker['name']}' -p PASSWORD"})
        taken = [] if worker["id"] == 6 else farm.pools[:2] if worker["id"] == 1 else farm.pools
        view = farm.page("assignments", f"Pools of {worker['name']}", "workers", worker=worker, assignments=[farm.assignment(worker, pool, n) for n, pool in enumerate(taken)],
                         unassigned=[pool for pool in farm.pools if pool not in taken], form=None)
        pages[f"/workers/{worker['id']}/pools"] = view
        pages[f"/workers/{worker['id']}/pools?edit=1"] = view | {"form": {**form(f"{worker['href']}/pools/1", {"username": f"me.{worker['name']}", "priority": "10"}, "1f00"),
                                                                         "pool": farm.pools[0], "is_new": False, "has_password": True}}
    if farm.workers:
        pages["/workers/new?clone=1"] = pages["/workers/new"] | {"clone_from": farm.workers[0]}
    return pages


def alert(farm: Farm, number: int, kind: str, is_open: bool) -> View:
    """One of each kind; what happened in a moment has no end to wait for."""
    worker, pool = (farm.workers[2], farm.pools[1]) if farm.workers else ({"name": "rig3"}, {"name": "beta"})
    said = {"worker-silent": ("worker silent", worker, "No share for 2 h, where one came every 40 s as a rule."), "pool-down": ("pool down", pool, "Connection refused by 192.0.2.7 port 8332."),
            "rejects": ("many rejects", worker, "5.6 % of 214 shares were rejected in the last hour."), "database-away": ("database away", None, "Nothing could be recorded."),
            "spool-half": ("spool half full", None, "It is full to 53 percent."), "block-found": ("block found", worker, "Accepted by alpha: 0000000000000000000" + "7a" * 22 + ".")}
    label, subject, text = said[kind]
    is_event = kind == "block-found"
    failed = "https://ntfy.example.com answered with status 500" if number % 4 == 2 else None
    return {
        "id": number, "kind": kind, "label": label, "subject": {"id": None, "href": None, "name": "web1"} | {key: subject[key] for key in ("id", "href", "name") if subject and key in subject},
        "text": text, "host": LONG[:64] if farm.is_hostile else "web1", "began": time(f"{number * 7 + 3} min ago"), "ended": None if is_open else time(f"{number * 7} min ago"),
        "lasted": None if is_event else "3 min", "is_open": is_open, "is_event": is_event, "delivery": farm.is_hostile and SCRIPT or failed}


def alert_page(farm: Farm) -> dict[str, View]:
    """What is wrong for a while, and what was."""
    kinds = ["worker-silent", "pool-down", "rejects", "database-away", "spool-half", "block-found"]
    is_bare = not farm.workers
    open_ones = [alert(farm, 40 + n, kind, True) for n, kind in enumerate(kinds[:3])] if farm.is_bad or farm.is_hostile else []
    webhooks = [{"url": "https://ntfy.example.com", "format": "ntfy"}, {"url": "https://hooks.slack.example.com:8443", "format": "slack"}]
    return {"/alerts": farm.page("alerts", "Alerts", "alerts", are_on=not is_bare, is_known=True, open=open_ones, open_count=len(open_ones), more_open=97 if farm.is_hostile else None,
                                 latest=[] if is_bare else [*open_ones, *[alert(farm, 30 - n, kind, False) for n, kind in enumerate(kinds)]],
                                 channels={"webhooks": [] if is_bare else webhooks, "command": None if is_bare else "/usr/local/bin/alarm", "has_any": not is_bare})}


def other_pages(farm: Farm) -> dict[str, View]:
    """About, and what went wrong."""
    def fact(name: str, value: str, is_ok: bool | None = True, advice: str | None = None) -> View:
        return {"name": name, "value": value, "is_ok": is_ok is True, "is_problem": is_ok is False, "advice": advice}
    facts = [
        fact("Version", "0.4.0 in Apache 2.4.62", None), fact("Processing module", "event: long polls are parked without a thread"),
        fact("Database", "sqlite, schema 4"), fact("Room for long polls", "12 of 9500 in use"), fact("Shares that wait", "117 (64 KB of 256 MB)", not farm.is_bad, "Bring the database back: "
        "they are recorded then, none is lost." if farm.is_bad else None), fact("Templates", "9 of 9 found in /usr/share/miningproxy/admin-templates")]
    directives = [{"name": "MiningProxyDatabase", "value": "mysql://proxy@db.example.net/miningproxy"}, {"name": "MiningProxyDatabasePasswordFile", "value": "(set)"},
                  {"name": "MiningProxyWorkTimeout", "value": "2s"}, {"name": "MiningProxyRejectAlert", "value": SCRIPT if farm.is_hostile else "3%"}]
    return {"/about": farm.page("about", "About", "about", facts=facts, directives=directives),
            "/missing": farm.page("error", "There is no such page", "", status=404, text="It may have been deleted meanwhile.")}


def came_back(pages: dict[str, View]) -> dict[str, View]:
    """Forms with errors, typed values kept."""
    wrong = dict(pages)
    sentences = {"name": "This name is taken already.", "url": "This is no URL: it must begin with http:// or https://.", "username": "The user name is too long.",
                 "password": "The password is missing.", "priority": "The priority is no whole number.", "roll_ntime": "It is neither 1 nor 0.", "worker": "Choose one worker at least."}
    for path, view in pages.items():
        if view.get("form"):
            values = {"name": "typed <name>", "url": "ftp://typed", "username": "typed user", "priority": "seven"}
            wrong[path] = view | {"form": view["form"] | {"values": values, "errors": sentences, "has_errors": True},
                                  "message": {"text": "Somebody else changed it meanwhile.", "is_good": False}}
    wrong["/pools"] = pages["/pools"] | {"message": {"text": "Pool beta is disabled.", "is_good": True}}
    return wrong


def without_database(pages: dict[str, View]) -> dict[str, View]:
    """Nothing is known of the past."""
    unknown = {"accepted": None, "rejected": None, "rejected_percent": None, "getworks": None, "hashrate": None, "spark": None, "last_work": None, "last_accepted": None}
    state = {**flags("unknown", ["active", "silent", "idle", "unassigned", "unknown"]), "state_text": "unknown while the database is away"}
    view = pages["/"]
    chart_away = {"has_data": False, "line": None, "area": None, "y_labels": [], "x_labels": [], "summary": "The database is away: nothing is known of the past."}
    view |= {"has_statistics": False, "totals": view["totals"] | unknown, "chart": chart_away, "submissions": [], "rejections": [],
             "workers": [worker | unknown | state for worker in view["workers"]], "pools": [pool | unknown for pool in view["pools"]]}
    pages["/alerts"] |= {"is_known": False, "open": [], "open_count": None, "latest": []}
    return pages


def scene(name: str) -> dict[str, View]:
    """@return every page of a scene, by its path below the scene's name"""
    farm = Farm(name)
    pages: dict[str, View] = {"/": dashboard(farm)}
    makers: list[Callable[[Farm], dict[str, View]]] = [pool_pages, worker_pages, alert_page, other_pages]
    for make in makers:
        pages |= make(farm)
    return came_back(pages) if name == "wrong" else without_database(pages) if name == "away" else pages
