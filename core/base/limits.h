// Every bound of the system, in one place. A queue, buffer, message, name or wait that is not
// bounded by a constant of this file (or by a setting whose own bounds are here) is a defect.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace spanwire::limits {

// Names.
inline constexpr size_t kIdBytes = 128;          // of a session, agent, user or producer id
inline constexpr size_t kPrefixBytes = 32;       // of the channel prefix
inline constexpr size_t kTypeBytes = 128;        // of a custom or plain-JSON event type
inline constexpr size_t kTraceparentBytes = 55;  // W3C Trace Context

// Events and batches, as agents send them.
inline constexpr size_t kEventBytes = 262'144;
inline constexpr size_t kBatchEvents = 1'024;
inline constexpr size_t kBatchBytes =
    1'048'576;  // of one encoded PublishStreamRequest or PublishRequest
inline constexpr size_t kChannelsPerEvent = 8;
inline constexpr size_t kAudienceRoles = 16;
inline constexpr size_t kMetricLabels = 16;
inline constexpr uint64_t kMaxSequence =
    99'999'999'999'999;  // below 10^14, which Lua prints as 1e+14
inline constexpr uint64_t kMaxEpoch = (uint64_t{1} << 53) - 1;  // likewise
inline constexpr uint32_t kCredits = 8'192;                     // unacknowledged events a stream
inline constexpr size_t kStreams = 10'000;                      // a broker's open streams
inline constexpr size_t kAgentConnections = 10'000;             // a broker's
inline constexpr int kReservedDescriptors =
    32;  // of a broker, that agents' connections leave for redis, admin and files
inline constexpr size_t kStreamsPerConnection = 1'024;  // streams and calls, of HTTP/2
inline constexpr absl::Duration kAgentHandshakeDeadline =
    absl::Seconds(10);  // from a connection to its HTTP/2 settings
inline constexpr absl::Duration kOpenDeadline = absl::Seconds(10);  // a stream's first frame
inline constexpr size_t kUnwrittenFrames = 1'024;  // of one stream; more: nothing is read from it
inline constexpr size_t kAckPositions = 4'096;     // of one Ack, about
inline constexpr size_t kViolations = 16;          // named of one event
inline constexpr size_t kPublishCalls = 1'024;     // unary calls under way
inline constexpr size_t kResumedStreams = 64;  // that read on, at a time, when there is room again
inline constexpr absl::Duration kEpochAhead =
    absl::Hours(1);  // an instance's epoch, of Redis' clock
inline constexpr absl::Duration kRetryAfter =
    absl::Seconds(1);  // hint to agents: at most, drawn for each
inline constexpr absl::Duration kAgentPingInterval =
    absl::Seconds(30);  // of connections without traffic
inline constexpr absl::Duration kAgentPongDeadline = absl::Seconds(10);
inline constexpr size_t kHealthWatches = 256;
inline constexpr size_t kReflectionSessions = 64;     // of each version of reflection
inline constexpr size_t kGrpcMessageBytes = 4 << 20;  // larger ones are refused unread by gRPC
inline constexpr size_t kGrpcBytes = 256 << 20;       // of gRPC's own buffers, all connections

// The appender.
inline constexpr size_t kAppendEvents = 128;          // of one call of publish.lua
inline constexpr size_t kAppendBytes = 262'144;       // likewise; one event always fits
inline constexpr size_t kAppenderBytes = 64 << 20;    // queued and in flight, all channels
inline constexpr size_t kAppendSinkBytes = 4 << 20;   // likewise, of one stream
inline constexpr size_t kAppenderChannels = 100'000;  // with state in memory
inline constexpr absl::Duration kAppendDeadline = absl::Seconds(10);
inline constexpr absl::Duration kReplicationTimeout = absl::Seconds(1);
inline constexpr absl::Duration kMarkerTtl =
    absl::Hours(24);  // of a key that is set and found within seconds: whatever the clock does
inline constexpr absl::Duration kTailTtl = absl::Hours(24);
inline constexpr absl::Duration kProducerTtl = absl::Hours(24);
inline constexpr absl::Duration kIdempotencyTtl = absl::Minutes(10);
inline constexpr absl::Duration kCallTtl =
    absl::Seconds(10);  // of a unary call without a key: longer than between two tries
inline constexpr absl::Duration kTouchInterval =
    absl::Seconds(60);  // at most; a quarter of the log ttl if less
inline constexpr absl::Duration kRememberedFor =
    absl::Seconds(30);  // what was appended, in case that a failover takes it
inline constexpr size_t kRememberedBytes = 16 << 20;  // likewise, all channels
inline constexpr size_t kRememberedChannels = 8192;   // each is one command when Redis is back
inline constexpr uint32_t kEpochSalt = 1'000'000;     // µs; drawn from 1..kEpochSalt

// The log.
inline constexpr absl::Duration kLogTtl = absl::Hours(1);
inline constexpr uint32_t kLogEvents = 5'000;
inline constexpr uint32_t kLogEventsFloor = 100;
inline constexpr uint64_t kLogBytes = 8 << 20;
inline constexpr size_t kPageEvents = 200;     // of one XRANGE, at most
inline constexpr size_t kPageEventsFloor = 8;  // likewise, at least
inline constexpr size_t kPageBytes = 1 << 20;  // aimed at, by the mean event
inline constexpr size_t kLastEvents = 1'000;   // of "last": N
inline constexpr size_t kRowBytes = 4'096;     // of a row, beside the event as the agent sent it
// A reader that gives a channel a fresh epoch puts it above its own position, which a browser may
// have made up: not further ahead of the clock than a clock that is set right may have been.
inline constexpr absl::Duration kTailAhead = absl::Hours(2);
// A read that Redis refuses, or that a lost connection took, is tried again after a while: it
// doubles from here …
inline constexpr absl::Duration kReadRetryFirst = absl::Milliseconds(100);
inline constexpr absl::Duration kReadRetryLast = absl::Seconds(2);  // … to here

// Redis connections.
inline constexpr size_t kRedisUnsentBytes = 64 << 20;
inline constexpr size_t kRedisUnansweredCommands = 65'536;
inline constexpr size_t kRedisReadBytes = 16'384;  // one read: what redisReader is fed at a time
inline constexpr size_t kRedisReplyBytes = 64
                                           << 20;  // of one reply: larger ones end the connection
static_assert(kPageEvents * (kEventBytes + kRowBytes) <= kRedisReplyBytes);
inline constexpr absl::Duration kRedisTimeout = absl::Seconds(5);
inline constexpr absl::Duration kRedisConnectTimeout = absl::Seconds(5);
inline constexpr absl::Duration kReconnectFirst =
    absl::Milliseconds(50);                                         // full jitter from here …
inline constexpr absl::Duration kReconnectLast = absl::Seconds(2);  // … to here

inline constexpr absl::Duration kReconnectSteady =
    absl::Milliseconds(100);                       // up for longer: the next attempt is immediate
inline constexpr size_t kSubscribeChannels = 128;  // of one SUBSCRIBE
inline constexpr size_t kSubscribeCommands = 64;   // of a subscriber, unanswered
inline constexpr absl::Duration kClockInterval =
    absl::Minutes(1);  // between two estimates of Redis' time

// Probe and verification.
inline constexpr absl::Duration kProbeInterval = absl::Seconds(1);
// From a token's publication; a failure that follows one at once is told kProbeInterval later.
inline constexpr absl::Duration kProbeDeadline = absl::Seconds(1);
inline constexpr absl::Duration kProbeDeaf =
    absl::Seconds(5);  // a token unheard for so long costs the pub/sub connection
inline constexpr absl::Duration kProbeTtl = absl::Seconds(60);
inline constexpr absl::Duration kVerifyInterval = absl::Seconds(25);
// At least so long lives the position of a channel without events: three verifications, each of
// which renews it.
inline constexpr absl::Duration kQuietTtlFloor = absl::Seconds(75);

// Feeds.
inline constexpr size_t kFeeds = 100'000;  // channels followed by a bridge
inline constexpr size_t kFeedRingFrames = 256;
inline constexpr size_t kFeedRingBytes = 1 << 20;
inline constexpr size_t kFeedQueueEntries = 4'096;  // live events that wait for a Read
inline constexpr size_t kFeedQueueBytes = 4 << 20;  // likewise
inline constexpr size_t kSessionQueueBytes = 1 << 20;
inline constexpr size_t kSessionQueueEntries =
    1'024;                                  // likewise, of one subscription; frames are shared
inline constexpr size_t kSessionReads = 2;  // pages that a session waits for, or holds
// Transient events that a subscription keeps while its connection is full: keys, and bytes of one.
inline constexpr size_t kHeldTransients = 64;
inline constexpr size_t kHeldTransientBytes = 4'096;
inline constexpr size_t kSessionPageBytes =
    2 << 20;  // of a page's frames; the rest is asked for again
inline constexpr absl::Duration kFeedLinger = absl::Seconds(30);  // after its last subscriber
inline constexpr size_t kFeedsEnded = 1'024;                      // of those, in one tick
inline constexpr size_t kReadersWaiting = 100'000;   // pages asked for and not answered, a bridge
inline constexpr size_t kMailboxItems = 1 << 20;     // waiting for a loop that is held up
inline constexpr size_t kDeliveryBytes = 256 << 20;  // of frames waiting for one connection loop
inline constexpr absl::Duration kOverflowPause =
    absl::Seconds(1);  // before a connection loop reads what it missed, and between two times

// Browsers.
inline constexpr size_t kConnections = 16'000;  // a bridge
inline constexpr size_t kSubscriptions = 128;   // a connection
inline constexpr size_t kHeadBytes = 15'872;  // a request's head; websocketpp's own bound is 16,000
inline constexpr size_t kHeadLines = 100;     // its header lines
inline constexpr size_t kTargetBytes = 8'192;      // its target
inline constexpr size_t kBodyBytes = 1 << 20;      // of a request
inline constexpr size_t kBodiesBytes = 64 << 20;   // of all bodies that one loop reads
inline constexpr size_t kStreamChannels = 32;      // of a stream, or of a poll
inline constexpr size_t kPollEvents = 1'000;       // of one answer
inline constexpr size_t kPollBytes = 1 << 20;      // likewise; the first event always fits
inline constexpr uint32_t kHistoryEvents = 1'000;  // of one answer, at most
inline constexpr uint32_t kHistoryEventsDefault = 100;
inline constexpr size_t kTypePatterns = 32;         // of one subscription
inline constexpr size_t kCommands = 16;             // of one connection, unanswered
inline constexpr size_t kUpstreamCalls = 256;       // to the broker, at once
inline constexpr size_t kUpstreamBytes = 16 << 20;  // of their events
inline constexpr absl::Duration kUpstreamDeadline = absl::Seconds(15);  // of one
inline constexpr size_t kFrameBytes = 65'536;        // a client's message, all fragments together
inline constexpr size_t kFragments = 1'024;          // of one message
inline constexpr size_t kLineMessageBytes = 65'536;  // of a message with several objects in it
inline constexpr size_t kJsonDepth = 64;
inline constexpr size_t kPlainJsonBytes = 262'144;  // the record's JSON, straight from Redis
inline constexpr size_t kControlQueueBytes =
    65'536;  // replies and pongs waiting for one socket; more: it is closed
inline constexpr size_t kSocketHighBytes = 1 << 20;   // over it the session is no longer fed
inline constexpr size_t kSocketLowBytes = 256 << 10;  // under it the session is refilled
inline constexpr size_t kSocketMostBytes =
    4 << 20;  // over it the connection is closed: its session does not heed the marks
inline constexpr int kSocketUnsentBytes =
    131'072;  // what the kernel holds for a socket, beyond what is on the wire
inline constexpr size_t kSocketReadBytes = 16'384;  // one read
inline constexpr size_t kSocketBuffers = 64;        // of one writev
inline constexpr size_t kPongs = 16;  // unsent, of one connection; further ones replace the newest
inline constexpr size_t kAcceptBatch = 64;  // accepted in one turn of the loop
inline constexpr absl::Duration kAcceptPause =
    absl::Milliseconds(100);  // when descriptors or memory ran out
inline constexpr absl::Duration kSweepInterval =
    absl::Milliseconds(500);  // how finely connections' deadlines are kept
inline constexpr absl::Duration kHeadDeadline = absl::Seconds(10);
inline constexpr absl::Duration kBodyDeadline = absl::Seconds(30);
inline constexpr absl::Duration kPreflightAge = absl::Minutes(10);  // for which browsers keep it
inline constexpr absl::Duration kKeepAliveIdle = absl::Seconds(30);
inline constexpr absl::Duration kPollWait = absl::Seconds(25);  // at most
// For Redis' first answer, when the wait of a poll is over.
inline constexpr absl::Duration kPollPatience = absl::Seconds(5);
inline constexpr absl::Duration kHeartbeatInterval =
    absl::Seconds(15);  // of a stream in which nothing is sent
// What EventSource waits before it comes back, unless it is told something else: random.
inline constexpr absl::Duration kRetryFloor = absl::Seconds(1);
inline constexpr absl::Duration kRetryCeiling = absl::Seconds(3);
inline constexpr absl::Duration kStalledDeadline =
    absl::Seconds(15);  // a socket that accepts nothing: 3008
inline constexpr absl::Duration kCloseDeadline =
    absl::Seconds(2);  // for the peer's half of the close handshake
inline constexpr absl::Duration kPingInterval = absl::Seconds(25);
inline constexpr absl::Duration kPongDeadline = absl::Seconds(50);  // 3012
inline constexpr absl::Duration kPositionInterval = absl::Seconds(25);
inline constexpr uint64_t kMaxCommandId = (uint64_t{1} << 53) - 1;

// Daemons.
inline constexpr absl::Duration kShutdownGrace = absl::Seconds(1);  // of gRPC calls that only wait
inline constexpr absl::Duration kDrainTimeout = absl::Seconds(10);
inline constexpr absl::Duration kSignalEcho =
    absl::Milliseconds(100);  // a second signal so soon is the first one's echo
inline constexpr absl::Duration kDrainWindow = absl::Seconds(5);
inline constexpr size_t kConfigBytes = 1 << 20;
inline constexpr size_t kAdminConnections = 32;
inline constexpr size_t kConfigErrors = 20;                            // told at once
inline constexpr size_t kSecretBytes = 4'096;                          // of a password file
inline constexpr size_t kLogValueBytes = 1'024;                        // of one value of a log line
inline constexpr size_t kLogRepeats = 10;                              // lines of one message …
inline constexpr absl::Duration kLogRepeatWindow = absl::Seconds(10);  // … in this time
inline constexpr size_t kLogMessages = 256;  // different messages counted at a time

// The settings' own bounds: config.proto states them for people.
inline constexpr absl::Duration kRedisTimeoutFloor = absl::Milliseconds(100);
inline constexpr absl::Duration kRedisTimeoutCeiling = absl::Seconds(60);
inline constexpr absl::Duration kLogTtlFloor = absl::Seconds(1);
inline constexpr absl::Duration kLogTtlCeiling = absl::Hours(24);
inline constexpr uint32_t kLogEventsCeiling = 100'000;
inline constexpr uint64_t kLogBytesFloor = 64 << 10;
inline constexpr uint64_t kLogBytesCeiling = 1 << 30;
inline constexpr absl::Duration kAppendDeadlineFloor = absl::Seconds(1);
inline constexpr absl::Duration kAppendDeadlineCeiling = absl::Seconds(60);
inline constexpr uint32_t kReplicasCeiling = 16;
inline constexpr absl::Duration kReplicationTimeoutFloor = absl::Milliseconds(10);
inline constexpr absl::Duration kReplicationTimeoutCeiling = absl::Seconds(10);
inline constexpr absl::Duration kDrainCeiling = absl::Seconds(60);
inline constexpr uint32_t kThreads = 64;     // that serve connections, a bridge
inline constexpr size_t kAllowedNames = 64;  // origins, and likewise hosts

}  // namespace spanwire::limits
