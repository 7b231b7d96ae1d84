"""The console and its arithmetic of positions, in a browser, against a server that misbehaves on purpose.

What its client does by itself, such as backing off and giving up silent connections, is in tests/unit/clients/js.
"""

import time

import pytest

from cdp import Browser
from scripted_server import HELLO, ScriptedServer

GLOBAL = "webgui:global"


@pytest.fixture(name="browser", scope="module")
def fixture_browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(name="serve")
def fixture_serve(browser):
    servers = []

    def serve(script):
        server = ScriptedServer(script)
        servers.append(server)
        return server

    yield serve
    browser.open("about:blank")
    for server in servers:
        server.close()
    assert [failure for server in servers for failure in server.failures] == []


async def quiet(peer):
    await peer.accept_subscription("1-0")
    await peer.wait_closed()


def test_counts_what_follows_repeats_and_is_missing(browser, serve):
    browser.open(serve(quiet).url)
    assert browser.evaluate("""import('/channel_state.js').then(({ ChannelState }) => {
        const c = new ChannelState('webgui:global');
        const see = (id, prev, was) => c.onEvent({ id, prev, was });
        const steps = [];
        c.moveTo('7-10');
        steps.push(see('7-11'), see('7-11'), see('7-10'));        // new, a copy, a copy
        steps.push(see('9-1', '7-11'));                           // a new epoch that names the old end
        steps.push(see('9-5', '9-1'));                            // what lies between was not for this view
        const before = [c.lost, c.gaps];
        steps.push(see('9-8'));                                   // 9-6 and 9-7 never came
        return { steps, before, lost: c.lost, gaps: c.gaps, reason: c.reason, duplicates: c.duplicates,
                 received: c.received, last: c.last, uncertain: c.uncertain };
    })""") == {"steps": [True, False, False, True, True, True], "before": [0, 0], "lost": 2, "gaps": 1,
               "reason": "unannounced", "duplicates": 2, "received": 4, "last": "9-8", "uncertain": False}


def test_a_connection_that_takes_over_begins_behind_the_last_one(browser, serve):
    browser.open(serve(quiet).url)
    assert browser.evaluate("""import('/channel_state.js').then(({ ChannelState }) => {
        const c = new ChannelState('webgui:global');
        c.onSubscribed('7-10');
        c.onEvent({ id: '7-11' });
        c.onEvent({ id: '7-12' });
        c.onSubscribed('7-11');                                   // it was asked for before 7-12 came
        c.advance('7-9');
        c.advance('soon');
        const at = c.last;
        return { at, steps: [c.onEvent({ id: '7-12' }), c.onEvent({ id: '7-13' })], lost: c.lost, gaps: c.gaps };
    })""") == {"at": "7-12", "steps": [False, True], "lost": 0, "gaps": 0}


def test_a_gap_moves_the_position_even_downwards_and_copies_after_a_failover_are_dropped(browser, serve):
    browser.open(serve(quiet).url)
    assert browser.evaluate("""import('/channel_state.js').then(({ ChannelState }) => {
        const c = new ChannelState('webgui:global');
        c.moveTo('7-98');
        c.onEvent({ id: '7-99' });
        c.onEvent({ id: '7-100' });
        c.onGap({ after: '7-100', position: '7-80', reason: 'rollback' });
        const at = c.last;
        const copies = [c.onEvent({ id: '8-1', prev: '7-80', was: '7-98' }),   // before this one came
                        c.onEvent({ id: '8-2', was: '7-99' }), c.onEvent({ id: '8-3', was: '7-100' }),
                        c.onEvent({ id: '8-4', was: '7-101' })];
        c.onGap({ after: '8-4', position: '7-80', reason: 'rollback' });       // and the copies are taken in turn
        copies.push(c.onEvent({ id: '9-1', prev: '7-80', was: '7-101' }), c.onEvent({ id: '9-2', was: '7-102' }));
        c.onGap({ after: '9-2', position: '9-9', reason: 'trimmed' });
        return { at, copies, lost: c.lost, uncertain: c.uncertain, duplicates: c.duplicates, last: c.last };
    })""") == {"at": "7-80", "copies": [True, False, False, True, False, True], "lost": 7, "uncertain": True,
               "duplicates": 3, "last": "9-9"}


def test_one_event_on_two_channels_is_shown_once_and_an_old_status_never_returns(browser, serve):
    browser.open(serve(quiet).url)
    assert browser.evaluate("""import('/state.js').then(({ State }) => {
        const state = new State();
        const add = (channel, type, timestamp, data) => {
            const event = { type, timestamp, session_id: 's', data, channel, id: '1-1', agent: 'a' };
            state.addEvent(event, JSON.stringify(event), { name: channel }, false);
        };
        const at = (s) => `2024-01-01T12:00:0${s}Z`;
        add('webgui:global', 'test_result', at(1), { name: 't', outcome: 'OUTCOME_PASSED' });
        add('webgui:session:s', 'test_result', at(1), { name: 't', outcome: 'OUTCOME_PASSED' });
        add('webgui:session:s', 'message_delta', at(2), { message_id: 'm', delta: 'ha' });
        add('webgui:session:s', 'message_delta', at(2), { message_id: 'm', delta: 'ha' });
        add('webgui:global', 'session_status_changed', at(5), { status: 'testing', progress: 0 });
        add('webgui:session:s', 'session_status_changed', at(4), { status: 'queued', progress: 0 });
        const s = state.sessions.get('s');
        return { passed: state.testTotals.passed, said: s.speech.text, status: s.status, progress: s.progress };
    })""") == {"passed": 1, "said": "haha", "status": "testing", "progress": 0}


def test_every_collection_is_bounded(browser, serve):
    browser.open(serve(quiet).url)
    sizes = browser.evaluate("""import('/state.js').then(({ State }) => {
        const state = new State();
        for (let i = 0; i < 5000; i += 1) {
            for (const [type, data] of [['session_status_changed', { status: 'running' }],
                ['test_result', { name: `${i}`, outcome: 'OUTCOME_FAILED' }], ['notification', { title: 'x' }],
                ['metric', { name: `${i}`, value: i }], ['comment', { author: `${i}`, text: 'x' }],
                ['message_delta', { message_id: 'm', delta: 'x'.repeat(5000) }],
                ['task_started', { task_id: `${i}` }]]) {
                const event = { type, session_id: type === 'task_started' ? 's' : `s${i}`, agent: `a${i}`, data,
                                timestamp: '2024-01-01T12:00:00Z', channel: 'webgui:global' };
                state.addEvent(event, JSON.stringify(event), { name: 'webgui:global' }, false);
            }
        }
        return [state.sessions, state.agents, state.tests, state.notices, state.series, state.people, state.comments,
                state.frames, state.seen].map((part) => part.size ?? part.length)
            .concat(Math.max(...[...state.sessions.values()].map((s) => (s.speech?.text ?? '').length)),
                    Math.max(...[...state.sessions.values()].map((s) => s.tasks.size)));
    })""")
    assert sizes == [200, 100, 2000, 500, 60, 24, 100, 5000, 4096, 1200, 32]


def test_the_page_tells_what_was_lost(browser, serve):
    async def script(peer):
        await peer.accept_subscription("5-10")
        await peer.event("5-11")
        await peer.send({"type": "$gap", "channel": GLOBAL, "after": "5-11", "position": "5-14",
                         "reason": "trimmed"})
        await peer.event("5-15")
        await peer.wait_closed()

    browser.open(serve(script).url)
    browser.wait_text("#lost", "3 lost")
    browser.wait_text("#integrity-note", "trimmed")
    assert browser.text("#received") == "2"
    assert browser.evaluate("document.querySelector('#integrity').dataset.tone") == "bad"


def test_what_a_failover_took_and_brought_again_is_shown_once(browser, serve):
    async def script(peer):
        await peer.accept_subscription("5-10")
        await peer.event("5-11")
        await peer.event("5-12")
        await peer.send({"type": "$gap", "channel": GLOBAL, "after": "5-12", "position": "5-11", "reason": "rollback"})
        await peer.event("6-1", prev="5-11", was="5-12", data={"title": "5-12"})
        await peer.event("6-2")
        await peer.event("6-3", was="5-13", data={"title": "5-13"})  # that one was never seen
        await peer.event("6-4")
        await peer.wait_closed()

    browser.open(serve(script).url)
    browser.wait_text("#notice-list", "6-4")
    titles = browser.evaluate("[...document.querySelectorAll('#notice-list .name')].map((e) => e.textContent)")
    assert titles == ["6-4", "5-13", "6-2", "5-12", "5-11"]
    assert browser.text("#received") == "5"
    assert browser.text("#duplicates") == "1"
    assert browser.text("#lost") == "1 gap"
    assert "rollback" in browser.text("#integrity-note")


def test_a_reconnect_resumes_after_the_last_position(browser, serve):
    resumed = []

    async def script(peer):
        command = await peer.accept_subscription("5-10")
        resumed.append(command.get("after"))
        if peer.number == 1:
            await peer.event("5-11")
            await peer.send({"type": "$position", "channel": GLOBAL, "position": "5-40"})
            await peer.close(3008, {"code": "slow", "reconnect": True})
        await peer.wait_closed()

    server = serve(script)
    browser.open(server.url)
    browser.wait("document.querySelector('#reconnects').textContent === '1'")
    browser.wait_text("#lost", "0 lost")
    assert resumed == [None, "5-40"]


def test_a_server_that_resumes_too_late_is_caught(browser, serve):
    async def script(peer):
        if peer.number == 1:
            await peer.accept_subscription("5-10")
            await peer.event("5-11")
            await peer.close(3001, {"code": "drain", "reconnect": True})
        else:
            await peer.send(HELLO)
            command = await peer.command()
            await peer.send({"type": "$subscribed", "id": command["id"], "channel": GLOBAL, "position": "5-15"})
            await peer.send({"type": "$live", "channel": GLOBAL, "position": "5-15"})
        await peer.wait_closed()

    browser.open(serve(script).url)
    browser.wait_text("#lost", "4 lost")
    browser.wait_text("#integrity-note", "unannounced")


def test_after_ms_is_waited_for(browser, serve):
    times = []

    async def script(peer):
        times.append(time.monotonic())
        await peer.accept_subscription("5-10")
        if peer.number == 1:
            await peer.close(3001, {"code": "drain", "reconnect": True, "after_ms": 1500})
        await peer.wait_closed()

    server = serve(script)
    browser.open(server.url)
    browser.wait("document.querySelector('#reconnects').textContent === '1'")
    assert 1.4 < times[1] - times[0] < 15


def test_who_was_told_to_leave_comes_back_when_it_was_told(browser, serve):
    times = []

    async def script(peer):
        times.append(time.monotonic())
        await peer.accept_subscription("5-10")
        if peer.number == 1:
            await peer.send({"type": "$drain", "after_ms": 1500})
            await peer.close(1001, {})
        await peer.wait_closed()

    server = serve(script)
    browser.open(server.url)
    browser.wait("document.querySelector('#reconnects').textContent === '1'")
    assert 1.4 < times[1] - times[0] < 15


def test_a_refused_channel_is_no_business_of_the_others(browser, serve):
    async def script(peer):
        await peer.accept_subscription("5-10")
        command = await peer.command()
        await peer.send({"type": "$error", "id": command["id"], "channel": command["channel"],
                         "code": "permission_denied", "message": "not yours", "retry": False})
        await peer.event("5-11")
        await peer.wait_closed()

    browser.open(serve(script).url + "?channel=webgui:user:maria")
    browser.wait_text("#notice-list", "5-11")
    assert browser.text("#pill-text") == "Live"
    browser.evaluate("document.querySelector('#channel-details').open = true")
    browser.wait_text("#channel-list", "permission_denied: not yours")


@pytest.mark.parametrize("code,reason,shown", [(3507, {"code": "permission_denied"}, "permission_denied"),
                                               (3999, {}, "unavailable"),
                                               (3008, {"code": "slow", "reconnect": False}, "slow")])
def test_a_refusal_is_final(browser, serve, code, reason, shown):
    async def script(peer):
        await peer.accept_subscription("5-10")
        await peer.close(code, reason)

    server = serve(script)
    browser.open(server.url)
    browser.wait_text("#pill", f"Refused: {shown}")
    assert browser.evaluate("document.querySelector('#announcer').textContent") == "The server refused the connection."
    assert browser.evaluate(
        "['#cut', '#block', '#slow'].every((id) => document.querySelector(id).ariaDisabled === 'true')")
    browser.evaluate("window.dispatchEvent(new Event('online'))")  # what would make it try at once
    time.sleep(1)  # nothing can be waited for: nothing may happen
    assert server.connections == 1


def test_frames_that_are_not_understood_change_nothing(browser, serve):
    async def script(peer):
        await peer.accept_subscription("5-10")
        for frame in ([], {"type": 7}, {"type": "$news"}, {"type": "x", "channel": "webgui:global", "id": "soon"},
                      {"type": "__proto__", "channel": "webgui:global", "id": "5-11", "session_id": {}, "data": 3},
                      {"type": "metric", "channel": "webgui:global", "id": "5-12", "data": {"value": "NaN"}}):
            await peer.send(frame)
        await peer.event("5-13")
        await peer.wait_closed()

    browser.problems.clear()
    browser.open(serve(script).url)
    browser.wait_text("#notice-list", "5-13")
    browser.wait_text("#lost", "0 lost")
    assert browser.problems == []
