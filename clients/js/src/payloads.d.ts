// Generated from proto/spanwire/v1/event.proto by generate.py. Do not edit.

/** JSON whose shape is the publisher's own. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A task began. */
export interface TaskStarted {
  /** Names the task within its session. */
  task_id: string;
  /** For people: what is being done. */
  name?: string;
  /** The task that this one is a part of. */
  parent_task_id?: string;
}

/** A task moved on. */
export interface TaskProgress {
  /** The task, as in TaskStarted. */
  task_id: string;
  /** Percent done, 0-100. */
  progress?: number;
  /** For people: what is being done now. */
  message?: string;
  /** Steps done so far. */
  steps_done?: string;
  /** Steps in all, when known. */
  steps_total?: string;
}

/** A task ended well. */
export interface TaskCompleted {
  /** The task, as in TaskStarted. */
  task_id: string;
  /** For people: what came of it. */
  message?: string;
  /** How long it took, in milliseconds. */
  duration_ms?: string;
}

/** A task ended badly. */
export interface TaskFailed {
  /** The task, as in TaskStarted. */
  task_id: string;
  /** For people: what went wrong. */
  error?: string;
  /** Machine-readable kind of error. */
  code?: string;
  /** Whether the agent will try again. */
  will_retry?: boolean;
  /** How long it took, in milliseconds. */
  duration_ms?: string;
}

/** A session changed state. Without explicit channels it also goes to the global channel: that is how a page finds sessions. */
export interface SessionStatusChanged {
  /** The session's new status, such as "running", "testing", "completed", "failed". */
  status: string;
  /** Percent done, 0-100. */
  progress?: number;
  /** For people: what is going on. */
  message?: string;
}

/** How it ended. */
export type TestResultOutcome =
  'OUTCOME_UNSPECIFIED' | 'OUTCOME_PASSED' | 'OUTCOME_FAILED' | 'OUTCOME_SKIPPED' | 'OUTCOME_ERROR' | number;

/** One test ran. */
export interface TestResult {
  /** The test's full name. */
  name: string;
  /** How it ended. */
  outcome: TestResultOutcome;
  /** The suite or file that it belongs to. */
  suite?: string;
  /** How long it took, in milliseconds. */
  duration_ms?: number | 'NaN' | 'Infinity' | '-Infinity';
  /** Failure text. */
  message?: string;
}

/** How loud. */
export type NotificationSeverity =
  'SEVERITY_UNSPECIFIED' | 'SEVERITY_INFO' | 'SEVERITY_SUCCESS' | 'SEVERITY_WARNING' | 'SEVERITY_ERROR' | number;

/** Something that a person should notice. */
export interface Notification {
  /** One line. */
  title: string;
  /** The rest, plain text. */
  body?: string;
  /** How loud. */
  severity: NotificationSeverity;
  /** Where to read on. */
  url?: string;
}

/** One measurement. */
export interface Metric {
  /** The metric's name, such as "cpu_percent". */
  name: string;
  /** The measured value. */
  value: number | 'NaN' | 'Infinity' | '-Infinity';
  /** Its unit, such as "%", "ms", "MiB". */
  unit?: string;
  /** What tells apart series of one name; an event with more than 16 is refused. */
  labels?: { [key: string]: string };
}

/** How serious. */
export type LogLineLevel =
  'LEVEL_UNSPECIFIED' | 'LEVEL_DEBUG' | 'LEVEL_INFO' | 'LEVEL_WARNING' | 'LEVEL_ERROR' | number;

/** One line of a log. */
export interface LogLine {
  /** How serious. */
  level: LogLineLevel;
  /** The line, without its end. */
  text: string;
  /** Where it comes from: "stdout", "stderr", a logger's name. */
  source?: string;
}

/** A message begins; its text follows in MessageDelta. */
export interface MessageStart {
  /** Names the message within its session. */
  message_id: string;
  /** Who speaks: "assistant", "user", "system", "tool". */
  role?: string;
}

/** A piece of a message's text. */
export interface MessageDelta {
  /** The message, as in MessageStart. */
  message_id: string;
  /** The text that comes next. */
  delta: string;
}

/** A message is complete. */
export interface MessageEnd {
  /** The message, as in MessageStart. */
  message_id: string;
}

/** A tool call begins; its arguments follow in ToolCallArgs. */
export interface ToolCallStart {
  /** Names the call within its session. */
  tool_call_id: string;
  /** The tool. */
  name: string;
  /** The message that asked for it. */
  parent_message_id?: string;
}

/** A piece of a tool call's arguments (JSON text in pieces). */
export interface ToolCallArgs {
  /** The call, as in ToolCallStart. */
  tool_call_id: string;
  /** The text that comes next. */
  delta: string;
}

/** A tool call's arguments are complete. */
export interface ToolCallEnd {
  /** The call, as in ToolCallStart. */
  tool_call_id: string;
}

/** What a tool call gave. */
export interface ToolCallResult {
  /** The call, as in ToolCallStart. */
  tool_call_id: string;
  /** Its result as text. */
  content?: string;
  /** Whether the tool failed. */
  is_error?: boolean;
}

/** A piece of a model's reasoning. */
export interface ReasoningDelta {
  /** The message that it leads to. */
  message_id: string;
  /** The text that comes next. */
  delta: string;
}

/** The whole state of an agent. */
export interface StateSnapshot {
  /** The state. */
  snapshot?: { [key: string]: Json };
}

/** A change of an agent's state. */
export interface StateDelta {
  /** JSON Patch operations (RFC 6902), in order. */
  delta?: ({ [key: string]: Json })[];
}

/** An agent waits for a person. */
export interface InterruptRequested {
  /** Names the question within its session. */
  interrupt_id: string;
  /** What is asked. */
  reason: string;
  /** Answers offered; empty: free text. */
  options?: string[];
}

/** The question was answered. */
export interface InterruptResolved {
  /** The question, as in InterruptRequested. */
  interrupt_id: string;
  /** The answer. */
  answer?: string;
  /** Who gave it. */
  resolved_by?: string;
}

/** A collaborator's cursor moved. */
export interface CursorMoved {
  /** Whose cursor. */
  user: string;
  /** Horizontal place, in the document's own unit. */
  x: number | 'NaN' | 'Infinity' | '-Infinity';
  /** Vertical place, in the document's own unit. */
  y: number | 'NaN' | 'Infinity' | '-Infinity';
  /** The document, file or view. */
  target?: string;
}

/** A collaborator types, or stopped. */
export interface Typing {
  /** Who types. */
  user: string;
  /** False: stopped. */
  active: boolean;
  /** The document, file or view. */
  target?: string;
}

/** A collaborator said something. */
export interface Comment {
  /** Names the comment within its session. */
  comment_id: string;
  /** Who said it. */
  author: string;
  /** Plain text. */
  text: string;
  /** The document, file or view. */
  target?: string;
  /** The comment that this one answers. */
  in_reply_to?: string;
}

/** Something was produced. */
export interface ArtifactAdded {
  /** Names the artifact within its session. */
  artifact_id: string;
  /** Its file name or title. */
  name: string;
  /** Its media type. */
  mime_type?: string;
  /** Where to fetch it. */
  url?: string;
  /** Its size in bytes. */
  size_bytes?: string;
}

/** What a model call cost. */
export interface Usage {
  /** The model. */
  model: string;
  /** Tokens read. */
  input_tokens?: string;
  /** Tokens written. */
  output_tokens?: string;
  /** Tokens read from a cache. */
  cached_tokens?: string;
  /** Price in US dollars. */
  cost_usd?: number | 'NaN' | 'Infinity' | '-Infinity';
}

/** A payload that the bridge does not know, from a newer agent. */
export interface Unknown {
  /** The payload's field number in Event. */
  field: number;
  /** Its content, base64. */
  bytes: string;
}

/** An event's `data`, by its `type`. */
export interface Payloads {
  /** A task began. */
  task_started: TaskStarted;
  /** A task moved on. */
  task_progress: TaskProgress;
  /** A task ended well. */
  task_completed: TaskCompleted;
  /** A task ended badly. */
  task_failed: TaskFailed;
  /** A session changed state. */
  session_status_changed: SessionStatusChanged;
  /** A test ran. */
  test_result: TestResult;
  /** A person should notice. */
  notification: Notification;
  /** Something was measured. */
  metric: Metric;
  /** A log got a line. */
  log_line: LogLine;
  /** An AI agent begins a message. */
  message_start: MessageStart;
  /** … says more of it. */
  message_delta: MessageDelta;
  /** … has said all of it. */
  message_end: MessageEnd;
  /** An AI agent begins a tool call. */
  tool_call_start: ToolCallStart;
  /** … says more of its arguments. */
  tool_call_args: ToolCallArgs;
  /** … has said all of them. */
  tool_call_end: ToolCallEnd;
  /** A tool call gave a result. */
  tool_call_result: ToolCallResult;
  /** An AI agent reasons. */
  reasoning_delta: ReasoningDelta;
  /** An agent's whole state. */
  state_snapshot: StateSnapshot;
  /** A change of it. */
  state_delta: StateDelta;
  /** An agent waits for a person's answer. */
  interrupt_requested: InterruptRequested;
  /** The answer came. */
  interrupt_resolved: InterruptResolved;
  /** A collaborator's cursor moved. */
  cursor_moved: CursorMoved;
  /** A collaborator types, or stopped. */
  typing: Typing;
  /** A collaborator said something. */
  comment: Comment;
  /** Something was produced. */
  artifact_added: ArtifactAdded;
  /** A model call cost something. */
  usage: Usage;
  unknown: Unknown;
}
