"""The checker itself: it lets a right history pass, and fails each kind of wrong one."""

from collections.abc import Callable

import pytest

from history import Agent, Browser, Frame, History, Verdict, check, position

CHANNEL = "webgui:session:c"
EVENTS = 20
Frames = list[Frame]


def event(seq: int, number: int, epoch: int = 1, prev: str = "", label: str = "a", was: str = "") -> Frame:
    return Frame(0.0, "log_line", CHANNEL, f"{epoch}-{seq}", prev, f"{label} {number}", was=was)


def control(kind: str, here: str, after: str = "", reason: str = "") -> Frame:
    return Frame(0.0, kind, CHANNEL, after=after, position=here, reason=reason)


def right() -> Frames:
    """$hello, $subscribed, $live, then events 1 to EVENTS: event n is frame n + 2."""
    return [Frame(0.0, "$hello"), control("$subscribed", "1-0"), control("$live", "1-0"),
            *[event(number, number, prev="1-0" if number == 1 else "") for number in range(1, EVENTS + 1)]]


def verdict(frames: Frames, others: Frames | None = None, acked: int = EVENTS, log: list[int] | None = None,
            log_is_whole: bool = True) -> Verdict:
    """log: the numbers of the events of epoch 1 that it has."""
    rows = [((1, number), (1, 0) if number == 1 else None, f"a {number}")
            for number in (log if log is not None else range(1, EVENTS + 1))]
    browsers = [Browser("one", [CHANNEL], frames), Browser("two", [CHANNEL], others if others is not None else right())]
    return check(History([Agent("a", [CHANNEL], EVENTS, acked)], browsers, {CHANNEL: rows}, log_is_whole))


def test_a_right_history_passes() -> None:
    found = verdict(right())
    assert found.violations == [] and found.delivered == 2 * EVENTS
    assert (found.acked_lost, found.duplicates, found.in_gaps) == (0, 0, 0)


def test_coming_back_where_one_was_is_right() -> None:
    frames = right()
    frames[10:10] = [Frame(0.0, "#connected"), Frame(0.0, "$hello"), control("$subscribed", "1-7")]
    assert verdict(frames).violations == []


def dropped(frames: Frames) -> None:
    del frames[10]


def last_dropped(frames: Frames) -> None:
    del frames[-1]


def first_dropped(frames: Frames) -> None:
    del frames[3]


def doubled(frames: Frames) -> None:
    frames.insert(10, frames[10])


def repeated_later(frames: Frames) -> None:
    frames.append(frames[10])


def repeated_under_a_new_id(frames: Frames) -> None:
    frames.append(event(EVENTS + 1, 5))


def swapped(frames: Frames) -> None:
    frames[10], frames[11] = frames[11], frames[10]


def swapped_texts(frames: Frames) -> None:
    frames[10].text, frames[11].text = frames[11].text, frames[10].text


def of_nobody(frames: Frames) -> None:
    frames.append(event(EVENTS + 1, 1, label="b"))


def never_published(frames: Frames) -> None:
    frames.append(event(EVENTS + 1, EVENTS + 1))


def of_another_channel(frames: Frames) -> None:
    frames[10].channel = "webgui:session:d"


def of_an_unknown_type(frames: Frames) -> None:
    frames.insert(10, Frame(0.0, "notification", CHANNEL, "1-8"))


def resumed_too_late(frames: Frames) -> None:
    frames[10:11] = [Frame(0.0, "#connected"), control("$subscribed", "1-8")]


def gap_from_elsewhere(frames: Frames) -> None:
    frames[10:11] = [control("$gap", "1-8", "1-6", "trimmed")]


def gap_though_the_log_has_it(frames: Frames) -> None:
    frames[10:11] = [control("$gap", "1-8", "1-7", "trimmed")]


def told_too_late(frames: Frames) -> None:
    del frames[10]
    frames.insert(11, control("$gap", "1-9", "1-9", "trimmed"))


@pytest.mark.parametrize("spoil", [
    dropped, last_dropped, first_dropped, doubled, repeated_later, repeated_under_a_new_id, swapped, swapped_texts,
    of_nobody, never_published, of_another_channel, of_an_unknown_type, resumed_too_late, gap_from_elsewhere,
    gap_though_the_log_has_it, told_too_late], ids=lambda spoil: spoil.__name__)
def test_a_spoilt_history_fails(spoil: Callable[[Frames], None]) -> None:
    frames = right()
    spoil(frames)
    assert verdict(frames).violations


def test_what_is_lost_or_doubled_is_counted() -> None:
    frames = right()
    del frames[10:13]
    assert verdict(frames).acked_lost == 3
    assert verdict(frames, acked=8).acked_lost == 1
    frames = right()
    doubled(frames)
    assert verdict(frames).duplicates == 1


def test_a_told_gap_excuses_what_lies_in_it() -> None:
    frames = right()
    frames[10:13] = [control("$gap", "1-10", "1-7", "trimmed")]
    found = verdict(frames, log=list(range(11, EVENTS + 1)), log_is_whole=False)
    assert found.violations == [] and found.in_gaps == 3 and found.gaps == {"trimmed": 1}


def test_a_gap_does_not_excuse_what_is_missing_behind_it() -> None:
    frames = right()
    frames[10:13] = [control("$gap", "1-8", "1-7", "trimmed"), event(9, 9)]
    found = verdict(frames, log=list(range(11, EVENTS + 1)), log_is_whole=False)
    assert found.violations and found.acked_lost == 1


@pytest.mark.parametrize("reason", ["lost", "rollback"])
def test_what_was_taken_back_may_come_again(reason: str) -> None:
    """Events 19 and 20 were seen, then taken back, then sent again under a new epoch."""
    frames = [*right(), control("$gap", "2-0", "1-20", reason),
              event(1, 19, epoch=2, prev="1-18"), event(2, 20, epoch=2)]
    found = verdict(frames, others=frames, log=list(range(1, 19)), log_is_whole=False)
    assert found.violations == [] and found.redelivered == 4 and found.duplicates == 0


def test_copies_of_what_was_seen_are_dropped_and_others_shown() -> None:
    """A failover takes 19 and 20, and the broker appends them again; one browser had not seen 20."""
    copies = [event(1, 19, epoch=2, prev="1-18", was="1-19"), event(2, 20, epoch=2, was="1-20")]
    saw_all = [*right(), control("$gap", "2-0", "1-20", "rollback"), *copies]
    saw_less = [*right()[:-1], control("$gap", "2-0", "1-19", "rollback"), *copies]
    found = verdict(saw_all, others=saw_less, log=list(range(1, 19)), log_is_whole=False)
    assert found.violations == [] and (found.copies, found.redelivered) == (3, 0)
    assert found.delivered == 2 * EVENTS - 1 + 4


def test_copies_of_something_else_fail() -> None:
    frames = [*right(), control("$gap", "2-0", "1-20", "rollback"),
              event(1, 19, epoch=2, prev="1-18", was="1-20")]
    assert verdict(frames, others=frames, log=list(range(1, 19)), log_is_whole=False).violations
    frames[-1].was = "1-17"  # which is still there
    frames[-1].text = "a 17"
    assert verdict(frames, others=frames, log=list(range(1, 19)), log_is_whole=False).violations


def test_what_was_not_taken_back_may_not_come_again() -> None:
    frames = [*right(), control("$gap", "2-0", "1-20", "rollback"), event(1, 19, epoch=2, prev="1-18")]
    assert verdict(frames, others=frames, log_is_whole=False).duplicates == 2
    frames[-2].reason = "trimmed"
    assert verdict(frames, others=frames, log=[], log_is_whole=False).duplicates == 2


def test_browsers_that_disagree_fail() -> None:
    others = right()[:-1] + [event(EVENTS, EVENTS - 1)]
    assert any("disagreement" in what for what in verdict(right(), others).violations)


@pytest.mark.parametrize("log", [[*range(1, 8), *range(9, EVENTS + 1)], list(range(1, EVENTS)),
                                 [*range(1, 8), 9, 8, *range(10, EVENTS + 1)]], ids=["hole", "no last", "order"])
def test_a_log_that_is_not_right_fails(log: list[int]) -> None:
    assert verdict(right(), log=log).violations


def test_positions_are_pairs_of_numbers() -> None:
    assert position("9-10") < position("10-9") < position("10-10")
