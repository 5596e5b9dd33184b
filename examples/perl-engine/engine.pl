#!/usr/bin/perl
#
# An engine that runs Perl scripts, written from docs/engine-protocol.md alone: it shares no code with Tenon, and needs
# nothing but Perl 5.20 or later with the modules it comes with. Section numbers are those of that page.
#
# A job's code is a script. What it prints is the log, its standard output the text result too; descriptor 3 takes its
# progress, one number from 0 to 1 a line. It succeeds by ending with 0.
#
#     governance.enginePrograms: perl=/usr/bin/perl /opt/tenon/perl-engine/engine.pl
#
use strict;
use warnings;
use B ();
use Compress::Raw::Zlib qw(crc32);
use Cwd qw(getcwd);
use Digest::SHA qw(hmac_sha256);
use Encode ();
use Errno qw(EAGAIN EINTR ENOSPC EDQUOT EFBIG);
use Fcntl qw(:DEFAULT);
use File::Path qw(remove_tree);
use IO::Handle;
use IO::Select;
use JSON::PP;
use POSIX ();
use Socket;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant {
  HELLO => 0x01, PROVE => 0x02, REQUEST => 0x10, ACK => 0x11,
  CHALLENGE => 0x81, WELCOME => 0x82, REFUSED => 0x83, REPLY => 0x90, DATA => 0x91, NOTICE => 0x92,
  OPENED => 1, LOG => 2, PROGRESS => 3, ENDED => 4,
  CHUNK_BYTES => 65536, STRANGER_BYTES_MAX => 4096, OWNER_BYTES_MAX => 32 * 1024 * 1024,
  OUTBOX_BYTES_MAX => 8 * 1024 * 1024, STRANGERS_MAX => 16,
  HANDSHAKE_S => 5, LINGER_S => 2, LEAVE_S => 3, FIRST_OWNER_S => 10, SETTLE_S => 0.25, LEFTOVER_S => 2,
  GIVE_UP_S => 60, WATCH_S => 0.5,
};

my $json = JSON::PP->new->utf8->canonical;
my $configuration = eval { $json->decode(scalar(readline(STDIN)) // '') };
die "no configuration on standard input\n" if ref $configuration ne 'HASH';
my $directory = getcwd();
my ($engine_id, $window_bytes) = @$configuration{qw(engineId windowBytes)};
my $secret = pack 'H*', $configuration->{secret};
my $mark = $ENV{TENON_ENGINE_MARK} // '';
my (@connections, $owner, $task, $is_leaving, $leave_by, $is_over, $orphan_at, $was_attached, $trash_count);

sub now { clock_gettime(CLOCK_MONOTONIC) }

sub slurp {
  my ($path) = @_;
  open my $file, '<:raw', $path or return;
  local $/;
  return readline $file;
}

# Whole or not at all, for our user only.
sub write_private {
  my ($path, $text) = @_;
  sysopen my $file, "$path.part", O_WRONLY | O_CREAT | O_TRUNC, 0600 or die "$path: $!\n";
  syswrite($file, $text) == length $text or die "$path: $!\n";
  close $file;
  rename "$path.part", $path or die "$path: $!\n";
}

# --- Section 7: processes ---------------------------------------------------------------------------------------------

# A child subreaper: every descendant stays below us, whatever it does. (prctl has no module, so its number is needed.)
{
  my %prctl = (x86_64 => 157, aarch64 => 167, riscv64 => 167, ppc64le => 171, s390x => 172);
  my $number = $prctl{(POSIX::uname())[4]};
  syscall $number, 36, 1, 0, 0, 0 if defined $number;
}

# (state, parent, start time), or nothing. The name in parentheses may hold anything, so fields are counted from its end.
sub status_of {
  my ($pid) = @_;
  my $line = slurp("/proc/$pid/stat") // return;
  my @fields = split ' ', substr $line, rindex($line, ')') + 2;
  return @fields[0, 1, 19];
}

sub family {
  opendir my $proc, '/proc' or return;
  my (%children, %marked, %is_dead);
  for my $pid (grep { /^\d+$/ } readdir $proc) {
    my ($state, $parent) = status_of($pid) or next;
    $is_dead{$pid} = 1 if $state =~ /[ZX]/;
    push @{$children{$parent}}, $pid;
    my $environment = slurp("/proc/$pid/environ") // '';
    $marked{$pid} = 1 if index("\0$environment", "\0TENON_ENGINE_MARK=$mark\0") >= 0;
  }
  my @waiting = ($$);
  while (defined(my $pid = shift @waiting)) {
    push @waiting, @{$children{$pid} // []};
    $marked{$_} = 1 for @{$children{$pid} // []};
  }
  return grep { $_ != $$ && !$is_dead{$_} } keys %marked;
}

# All are stopped until a scan finds nobody new, so that nobody forks away from it; then killed.
sub kill_family {
  my %stopped;
  while (my @new = grep { !$stopped{$_} } family()) {
    kill STOP => @new;
    @stopped{@new} = (1) x @new;
  }
  kill KILL => keys %stopped;
}

sub reap {
  while ((my $pid = waitpid -1, POSIX::WNOHANG) > 0) {
    main_exited($?) if $task && defined $task->{pid} && $pid == $task->{pid};
  }
}

# --- Section 5: the spool ---------------------------------------------------------------------------------------------

sub job_directory { "$directory/jobs/$_[0]-$_[1]" }

sub append {
  my ($type, $payload) = @_;
  my $body = chr($type) . $payload;
  my $record = pack('NN', length $payload, crc32($body)) . $body;
  my $written = 0;
  while ($written < length $record) {
    my $count = syswrite $task->{spool}, $record, length($record) - $written, $written;
    next if !defined $count && $! == EINTR;
    if (!$count) {
      my $why = "$!";
      my $is_full = $! == ENOSPC || $! == EDQUOT || $! == EFBIG;
      truncate $task->{spool}, $task->{size};
      sysseek $task->{spool}, $task->{size}, 0;
      die {code => $is_full ? 50213 : 50217, message => "The output could not be stored: $why.", retryable => $is_full};
    }
    $written += $count;
  }
  $task->{size} += length $record;
  pump($owner) if $owner;
}

# After the first output that can't be stored nothing more is: a gap in a log would look like a whole one.
sub store {
  my ($type, $payload) = @_;
  return if $task->{is_deaf};
  eval { append($type, $payload); 1 } and return;
  $task->{is_deaf} = 1;
  end_task('failed', $@, 0);
}

# Section 6: a line of the engine's own.
sub note {
  my ($level, $text) = @_;
  my $time = Time::HiRes::time();
  my $stamp = POSIX::strftime('%Y-%m-%d %H:%M:%S', localtime $time);
  store(LOG, Encode::encode_utf8(sprintf "%s.%03d %s %s\n", $stamp, ($time - int $time) * 1000, $level, $text));
}

sub failure {
  my ($code, $message, $retryable) = @_;
  return {code => $code, message => $message, retryable => $retryable ? JSON::PP::true : JSON::PP::false};
}

# --- Section 6: log lines ---------------------------------------------------------------------------------------------

# Whole lines to the log (and to the text result); what is no UTF-8 becomes U+FFFD.
sub take_lines {
  my ($output, $lines) = @_;
  $lines = Encode::encode('UTF-8', Encode::decode('UTF-8', $lines, Encode::FB_DEFAULT)) if $lines =~ /[\x80-\xff]/;
  my $max = $configuration->{lineBytesMax};
  if (length $lines > $max) {
    my $broken = '';
    for my $line (split /(?<=\n)/, $lines) {
      if (length $line > $max + 1) {
        store(LOG, $broken) if $broken ne '';
        $broken = '';
        note(WARN => "The next line is longer than $max bytes; it is shown in pieces of that size.") if !$output->{is_long};
        $line = pieces($line, $max);
      }
      $broken .= $line;
    }
    $lines = $broken;
  }
  $output->{is_long} = 0;
  return if $lines eq '';
  store(LOG, $lines);
  add_result($lines) if $output->{is_result} && !$task->{is_deaf};
}

# Cut between characters.
sub pieces {
  my ($line, $max) = @_;
  my $cut = '';
  chomp $line;
  while (length $line > $max) {
    my $border = $max;
    $border-- while (ord(substr $line, $border, 1) & 0xc0) == 0x80;
    $cut .= substr($line, 0, $border, '') . "\n";
  }
  return "$cut$line\n";
}

sub take_bytes {
  my ($output, $bytes) = @_;
  $output->{rest} .= $bytes;
  my $end = rindex($output->{rest}, "\n") + 1;
  take_lines($output, substr $output->{rest}, 0, $end, '') if $end > 0;
  # A line without an end must not be held in memory: all of it that makes whole pieces goes now.
  my $max = $configuration->{lineBytesMax};
  while (length $output->{rest} > $max + 4) {
    note(WARN => "The next line is longer than $max bytes; it is shown in pieces of that size.") if !$output->{is_long};
    my $border = $max;
    $border-- while $border > 1 && (ord(substr $output->{rest}, $border, 1) & 0xc0) == 0x80;
    take_lines($output, substr($output->{rest}, 0, $border, '') . "\n");
    $output->{is_long} = 1;
  }
}

sub take_progress {
  my ($output, $bytes) = @_;
  $output->{rest} .= $bytes;
  while ($output->{rest} =~ s/^(.{0,100}?)\n//) {
    my $text = $1;
    next if $text !~ /^(?:0(?:\.\d+)?|1(?:\.0+)?)$/;
    store(PROGRESS, $json->encode({progress => $text + 0, info => []}));
  }
  $output->{rest} = '' if length $output->{rest} > 100;
}

# --- Result sets: `dolphin`, the type in ten digits, then records of length (ten digits) and payload; the first is metadata

sub add_result {
  my ($lines) = @_;
  if (!$task->{result}) {
    mkdir "$task->{directory}/results", 0700;
    sysopen my $file, "$task->{directory}/results/_0.dolphin.part", O_WRONLY | O_CREAT | O_TRUNC, 0600 or return;
    $task->{result} = $file;
    print $file sprintf 'dolphin%010d%010dNULL', 1, 4;
  }
  my $records = join '', map { sprintf('%010d', length $_) . $_ } split /\n/, $lines, -1;
  # What follows the last line feed is no line.
  print {$task->{result}} substr $records, 0, -10;
}

sub finish_result {
  my $file = delete $task->{result} or return 0;
  my $path = "$task->{directory}/results/_0.dolphin";
  return 1 if close $file and rename "$path.part", $path;
  unlink "$path.part";
  $task->{decided} = ['failed', failure(50217, "The result set could not be stored: $!.")];
  return 0;
}

# --- A task: running, its main process ended, what it left ended, its end in the spool -------------------------------------

sub start_task {
  my ($spec) = @_;
  my $path = job_directory(@$spec{qw(taskID attempt)});
  fail_with(knownTask => 'This engine has had that task.') if -e $path;
  $task = {%$spec, directory => $path, size => 0, outputs => []};
  eval {
    mkdir $path, 0700 or die "$!\n";
    sysopen $task->{spool}, "$path/spool", O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600 or die "$!\n";
    write_private("$path/code", Encode::encode_utf8($spec->{code}));
    append(OPENED, $json->encode({version => 1, engineId => $engine_id, map { $_ => $spec->{$_} } qw(taskID attempt epoch)}));
    1;
  } or do {
    my $why = ref $@ ? $@->{message} : $@;
    remove_tree($path);
    undef $task;
    fail_with(noRoom => "The task could not be stored: $why");
  };
  $task->{timeout_at} = now() + $spec->{runningTimeoutMs} / 1000 if defined $spec->{runningTimeoutMs};
  $task->{watch_at} = now();
  owner_changed();
  run_code() or main_exited(127 << 8);
}

# A session of its own, no descriptors but 0 to 3 (Perl closes all others), an environment of its own.
sub run_code {
  my ($out, $err, $control, $out_end, $err_end, $control_end);
  pipe $out, $out_end or return 0;
  pipe $err, $err_end or return 0;
  pipe $control, $control_end or return 0;
  my %environment = (
    %{$configuration->{environment}}, %{$task->{environment}},
    TENON_ENGINE_ID => $engine_id, TENON_ENGINE_MARK => $mark, TENON_TASK_ID => $task->{taskID},
  );
  my $pid = fork // return 0;
  if ($pid == 0) {
    $SIG{$_} = 'DEFAULT' for qw(HUP INT QUIT TERM CHLD PIPE);
    POSIX::setsid();
    POSIX::dup2(POSIX::open('/dev/null', O_RDONLY), 0);
    my $number = 1;
    POSIX::dup2(fileno $_, $number++) for $out_end, $err_end;
    # Perl gave it close-on-exec as all beyond 2; a copy of it has not.
    POSIX::dup2(fileno $control_end, 3) if fileno $control_end != 3;
    chdir "$directory/work";
    %ENV = %environment;
    exec {$^X} $^X, "$task->{directory}/code" or POSIX::_exit(127);
  }
  $task->{pid} = $pid;
  $task->{outputs} = [
    {handle => $out, rest => '', is_result => 1, take => \&take_bytes},
    {handle => $err, rest => '', take => \&take_bytes},
    {handle => $control, rest => '', take => \&take_progress},
  ];
  $_->{handle}->blocking(0) for @{$task->{outputs}};
  return 1;
}

sub main_exited {
  my ($status) = @_;
  undef $task->{pid};
  return if $task->{decided};
  my $how = $status & 127 ? 'ended by signal ' . ($status & 127) : 'exit code ' . ($status >> 8);
  $task->{decided} = $status == 0 ? ['succeeded'] : ['failed', failure(70001, "The script failed: $how.")];
  $task->{settle_until} = now() + SETTLE_S;
}

# What was decided first stays.
sub end_task {
  my ($outcome, $why, $grace_s) = @_;
  return if $task->{ended};
  $task->{decided} //= [$outcome, $why];
  my $kill_at = now() + $grace_s;
  if (defined $task->{kill_at}) {
    $task->{kill_at} = $kill_at if $kill_at < $task->{kill_at};
    return;
  }
  $task->{kill_at} = $kill_at;
  return if $grace_s <= 0;
  my @members = family();
  kill TERM => @members;
  kill CONT => @members;
}

# Once in a while: what time, limits and the end of processes make of the task.
sub look_at_task {
  return if !$task || $task->{ended};
  my $now = now();
  if (!defined $task->{kill_at} && !$task->{decided}) {
    end_task(timedOut => failure(50214, "The job ran longer than its limit of $task->{runningTimeoutMs} ms."),
      $configuration->{killGraceMs} / 1000) if defined $task->{timeout_at} && $now >= $task->{timeout_at};
    watch_limits() if $now >= $task->{watch_at};
  }
  return if !defined $task->{kill_at} && !$task->{decided};
  kill_family() if defined $task->{kill_at} && $now >= $task->{kill_at};
  reap();
  my @left = family();
  if (@left && !defined $task->{kill_at}) {
    return if $now < $task->{settle_until};
    note(WARN => 'The job has ended but left ' . @left . ' processes running; ending them now.');
    end_task(undef, undef, LEFTOVER_S);
  } elsif (!@left || $now > $task->{kill_at} + GIVE_UP_S) {
    finish_task(@left);
  }
}

sub watch_limits {
  $task->{watch_at} = now() + WATCH_S;
  my @members = family();
  my ($processes_max, $bytes_max) = @{$configuration->{limits}}{qw(processesMax memoryBytesMax)};
  my $bytes = 0;
  for my $pid (@members) {
    $bytes += (split ' ', slurp("/proc/$pid/statm") // '0 0')[1] * POSIX::sysconf(&POSIX::_SC_PAGESIZE);
  }
  end_task(failed => failure(50211, "The job has " . @members . " processes; its limit is $processes_max (processesMax)."), 0)
    if @members > $processes_max;
  end_task(failed => failure(50210, "The job uses $bytes bytes of memory; its limit is $bytes_max (memoryBytesMax)."), 0)
    if $bytes > $bytes_max;
}

sub finish_task {
  my (@survivors) = @_;
  for my $output (@{$task->{outputs}}) {
    1 while read_output($output);
    take_lines($output, "$output->{rest}\n") if $output->{rest} ne '' && $output->{take} == \&take_bytes;
  }
  $task->{outputs} = [];
  note(ERROR => "Processes that could not be ended: @survivors.") if @survivors;
  my $count = finish_result();
  my ($outcome, $why) = @{$task->{decided}};
  my $end = {outcome => $outcome, resultCount => $count, engineIsReusable => @survivors ? JSON::PP::false : JSON::PP::true};
  $end->{failure} = $why if $why;
  $task->{ended} = 1;
  eval { append(ENDED, $json->encode($end)); 1 } or do {
    print STDERR "The end of task $task->{taskID} can't be stored: $@->{message}\n";
    exit 1;
  };
  owner_changed();
}

# Bytes read; 0 at the end, and when there is nothing now.
sub read_output {
  my ($output) = @_;
  my $handle = $output->{handle} or return 0;
  my $count = sysread $handle, my $bytes, CHUNK_BYTES;
  return 0 if !defined $count && ($! == EAGAIN || $! == EINTR);
  if (!$count) {
    close delete $output->{handle};
    return 0;
  }
  $output->{take}->($output, $bytes);
  return $count;
}

# --- Section 4: requests ----------------------------------------------------------------------------------------------

sub fail_with { my ($code, $message) = @_; die {code => $code, message => $message} }

sub is_number { my $f = B::svref_2object(\$_[0])->FLAGS; return $f & (B::SVf_IOK | B::SVf_NOK) && !($f & B::SVf_POK) }

sub is_whole { return is_number($_[0]) && $_[0] >= 0 && $_[0] < 2**53 && $_[0] == int $_[0] }

sub is_text { return defined $_[0] && !ref $_[0] && !is_number($_[0]) }

sub seconds {
  my ($request, $name) = @_;
  my $value = $request->{$name};
  fail_with(badRequest => "$name must be a number of milliseconds.") if !is_number($value) || $value < 0;
  return $value / 1000;
}

sub answer {
  my ($connection, $request) = @_;
  my $type = $request->{type} // '';
  return execute($request) if $type eq 'execute';
  return leave(seconds($request, 'graceMs')) if $type eq 'shutdown';
  fail_with(unknownRequest => "There is no request $type.") if $type !~ /^(?:follow|kill|confirm)$/;
  my ($id, $attempt) = @$request{qw(taskID attempt)};
  fail_with(badRequest => 'taskID and attempt must be whole numbers.') if !is_whole($id) || !is_whole($attempt);
  my $grace_s = $type eq 'kill' ? seconds($request, 'graceMs') : 0;
  my $is_known = $task && $task->{taskID} == $id && $task->{attempt} == $attempt;
  if (!$is_known) {
    fail_with(noSuchTask => "This engine has no task $id, attempt $attempt.") if $type eq 'follow';
    return;    # Gone already is done.
  }
  if ($type eq 'follow') {
    my $from = $request->{from};
    my $acknowledged = $request->{acknowledged} // $from;
    fail_with(badOffset => "The spool has $task->{size} bytes; that offset is not in it.")
      if !is_whole($from) || !is_whole($acknowledged) || $acknowledged > $from || $from > $task->{size};
    $connection->{follow} = {task => $task, sent => $from, acknowledged => $acknowledged, is_new => 1};
  } elsif ($type eq 'kill') {
    my $is_late = ($request->{why} // '') eq 'timedOut';
    end_task($is_late ? ('timedOut', failure(50214, 'The job ran longer than it may.'))
      : ('killed', failure(50215, 'The job was killed.')), $grace_s);
  } else {
    fail_with(notEnded => 'The task has not ended; only an end can be confirmed.') if !$task->{ended};
    delete $_->{follow} for @connections;
    my $place = "$directory/.trash-" . ++$trash_count;
    # By a rename first, so that half of it is never taken for a whole task.
    rename $task->{directory}, $place and remove_tree($place);
    undef $task;
    owner_changed();
  }
  return;
}

sub execute {
  my ($spec) = @_;
  $spec->{environment} //= {};
  my $environment = $spec->{environment};
  fail_with(badTask => 'taskID, attempt and epoch must be whole numbers from 0.')
    if grep { !is_whole($spec->{$_}) } qw(taskID attempt epoch);
  fail_with(badTask => 'code must be a text.') if !is_text($spec->{code});
  fail_with(badTask => 'environment must be an object of texts.') if ref $environment ne 'HASH'
    || grep { /[=\0]/ || $_ eq '' || !is_text($environment->{$_}) || $environment->{$_} =~ /\0/ } keys %$environment;
  my $timeout = $spec->{runningTimeoutMs};
  fail_with(badTask => 'runningTimeoutMs must be a positive number.')
    if defined $timeout && (!is_number($timeout) || $timeout <= 0);
  if ($task) {
    fail_with(busy => "The engine still has task $task->{taskID}.")
      if $task->{taskID} != $spec->{taskID} || $task->{attempt} != $spec->{attempt};
    fence($spec->{epoch});
    return;    # The answer to an earlier request was lost.
  }
  fail_with(leaving => 'The engine is ending.') if $is_leaving;
  $spec->{environment} = {map { $_ => Encode::encode_utf8($environment->{$_}) } keys %$environment};
  start_task($spec);
}

# The highest epoch is on disk before it is obeyed.
sub fence {
  my ($epoch) = @_;
  return if !$task || $epoch == $task->{epoch};
  fail_with(staleEpoch => "The task belongs to epoch $task->{epoch}; epoch $epoch is stale.") if $epoch < $task->{epoch};
  write_private("$task->{directory}/epoch", "$epoch\n");
  $task->{epoch} = $epoch;
}

# --- Section 3: connections -------------------------------------------------------------------------------------------

sub frame { my ($type, $payload) = @_; return pack('NC', 1 + length $payload, $type) . $payload }

sub json_frame { my ($type, $value) = @_; return frame($type, $json->encode($value)) }

sub proof {
  my ($role, $connection, $claim) = @_;
  return hmac_sha256(join('', "tenon-engine $role\0", pack('n', 1), @$connection{qw(owner_nonce engine_nonce)},
    pack('n/a*', $engine_id), $claim), $secret);
}

# In constant time.
sub same {
  my ($one, $other) = @_;
  return length $one == length $other && unpack('%32b*', $one ^ $other) == 0;
}

sub nonce {
  sysopen my $random, '/dev/urandom', O_RDONLY or die "/dev/urandom: $!\n";
  sysread($random, my ($bytes), 32) == 32 or die "/dev/urandom: $!\n";
  return $bytes;
}

sub handle_frame {
  my ($connection, $type, $payload) = @_;
  my $state = $connection->{state};
  if ($state eq 'hello' && $type == HELLO) {
    fail_with(notThisProtocol => 'The first frame is not a hello of the engine protocol.')
      if length $payload != 40 || substr($payload, 0, 4) ne 'TNEP';
    my (undef, $lowest, $highest) = unpack 'a4nn', $payload;
    fail_with(version => "This engine speaks version 1, the owner $lowest to $highest.") if $lowest > 1 || $highest < 1;
    @$connection{qw(owner_nonce engine_nonce state)} = (substr($payload, 8), nonce(), 'prove');
    send_to($connection, frame(CHALLENGE, pack('n', 1) . $connection->{engine_nonce} . $engine_id));
  } elsif ($state eq 'prove' && $type == PROVE) {
    my $claim = substr $payload, length $payload < 32 ? length $payload : 32;
    fail_with(wrongSecret => 'The proof of the secret is wrong.')
      if !same(substr($payload, 0, 32), proof('owner', $connection, $claim));
    my $claimed = parse($claim);
    fail_with(badClaim => 'A claim has an owner (text) and an epoch (whole number).')
      if !is_text($claimed->{owner}) || !is_whole($claimed->{epoch});
    fence($claimed->{epoch});
    attach($connection, $claim);
  } elsif ($state eq 'attached' && $type == ACK) {
    fail_with(badFrame => 'An acknowledgement has 20 bytes.') if length $payload != 20;
    acknowledge($connection, unpack 'Q>NQ>', $payload);
  } elsif ($state eq 'attached' && $type == REQUEST) {
    my $request = parse($payload);
    my $reply = {id => $request->{id}};
    eval { answer($connection, $request); 1 } or $reply->{error} = ref $@ ? $@ : {code => 'failed', message => "$@"};
    send_to($connection, json_frame(REPLY, $reply));
    # The reply goes before the data.
    delete $connection->{follow}{is_new} if $connection->{follow};
    pump($connection);
  } else {
    fail_with(outOfOrder => sprintf 'Frame type 0x%02x does not belong here.', $type);
  }
}

sub parse {
  my ($text) = @_;
  my $value = eval { $json->decode($text) };
  fail_with(badFrame => 'The payload is not a JSON object.') if ref $value ne 'HASH';
  return $value;
}

sub attach {
  my ($connection, $claim) = @_;
  my $state = {engineId => $engine_id, pid => $$ + 0, task => undef, map { $_ => $configuration->{$_} } qw(engineType user creator)};
  $state->{task} = {
    (map { $_ => $task->{$_} } qw(taskID attempt epoch)), spoolSize => $task->{size},
    hasEnded => $task->{ended} ? JSON::PP::true : JSON::PP::false,
  } if $task;
  $connection->{state} = 'attached';
  send_to($connection, frame(WELCOME, proof('engine', $connection, $claim) . $json->encode($state)));
  my $before = $owner;
  $owner = $connection;
  if ($before) {
    send_to($before, json_frame(NOTICE, {type => 'displaced'}));
    finish($before);
  }
  owner_changed();
}

sub acknowledge {
  my ($connection, $id, $attempt, $offset) = @_;
  my $follow = $connection->{follow} or return;
  return if $follow->{task}{taskID} != $id || $follow->{task}{attempt} != $attempt;
  fail_with(badAck => "Offset $offset was acknowledged, but only $follow->{sent} sent.") if $offset > $follow->{sent};
  $follow->{acknowledged} = $offset if $offset > $follow->{acknowledged};
  pump($connection);
}

# Section 4, pace: how many bytes may be sent now. A record longer than the window goes to its end.
sub room {
  my ($follow) = @_;
  my $room = $window_bytes - ($follow->{sent} - $follow->{acknowledged});
  if ($room <= 0) {
    my $header = spool_bytes($follow->{task}, $follow->{acknowledged}, 4);
    return 0 if length $header < 4;
    $room = $follow->{acknowledged} + 9 + unpack('N', $header) - $follow->{sent};
  }
  my $left = $follow->{task}{size} - $follow->{sent};
  return (sort { $a <=> $b } CHUNK_BYTES, $room, $left)[0];
}

sub spool_bytes {
  my ($of, $offset, $length) = @_;
  sysseek $of->{spool}, $offset, 0;
  sysread $of->{spool}, my ($bytes), $length;
  return $bytes // '';
}

sub pump {
  my ($connection) = @_;
  my $follow = $connection->{follow};
  while ($follow && !$follow->{is_new} && $connection->{outbox} eq '' && (my $length = room($follow)) > 0) {
    my $bytes = spool_bytes($follow->{task}, $follow->{sent}, $length);
    my $range = pack 'Q>NQ>', @{$follow->{task}}{qw(taskID attempt)}, $follow->{sent};
    $follow->{sent} += length $bytes;
    send_to($connection, frame(DATA, $range . $bytes));
    $follow = $connection->{follow};
  }
}

sub send_to {
  my ($connection, $bytes) = @_;
  return if !$connection->{socket} || $connection->{state} eq 'finishing';
  $connection->{outbox} .= $bytes;
  # It asks and asks, and does not read our answers.
  return drop($connection) if length $connection->{outbox} > OUTBOX_BYTES_MAX;
  flush($connection);
}

sub flush {
  my ($connection) = @_;
  while ($connection->{socket} && $connection->{outbox} ne '') {
    my $sent = syswrite $connection->{socket}, $connection->{outbox};
    if (!defined $sent) {
      drop($connection) if $! != EAGAIN && $! != EINTR;
      return;
    }
    substr $connection->{outbox}, 0, $sent, '';
  }
  shutdown($connection->{socket}, 1) if $connection->{socket} && $connection->{state} eq 'finishing';
}

# Says what is left to say, then reads the peer to its end: closing with unread input would throw our last words away.
sub finish {
  my ($connection) = @_;
  return if $connection->{state} eq 'finishing';
  @$connection{qw(state until)} = ('finishing', now() + LINGER_S);
  delete $connection->{follow};
  forget_owner($connection);
  flush($connection);
}

sub refuse {
  my ($connection, $code, $message) = @_;
  send_to($connection, json_frame(REFUSED, {code => $code, message => $message}));
  finish($connection);
}

sub drop {
  my ($connection) = @_;
  my $socket = delete $connection->{socket} or return;
  close $socket;
  @connections = grep { $_ != $connection } @connections;
  @$connection{qw(state outbox)} = ('finishing', '');
  forget_owner($connection);
}

sub forget_owner {
  my ($connection) = @_;
  return if !$owner || $owner != $connection;
  undef $owner;
  owner_changed();
}

sub readable {
  my ($connection) = @_;
  my $count = sysread $connection->{socket}, my $bytes, 4 * CHUNK_BYTES;
  return if !defined $count && ($! == EAGAIN || $! == EINTR);
  return drop($connection) if !$count;
  return if $connection->{state} eq 'finishing';
  $connection->{inbox} .= $bytes;
  eval {
    while ($connection->{state} ne 'finishing' && length $connection->{inbox} >= 5) {
      my ($length, $type) = unpack 'NC', $connection->{inbox};
      my $max = $connection->{state} eq 'attached' ? OWNER_BYTES_MAX : STRANGER_BYTES_MAX;
      fail_with(badFrame => 'A frame has at least one byte, its type.') if $length < 1;
      fail_with(frameTooLong => "A frame of $length bytes; the limit is $max.") if $length > $max;
      last if length $connection->{inbox} < 4 + $length;
      my $payload = substr(substr($connection->{inbox}, 0, 4 + $length, ''), 5);
      handle_frame($connection, $type, $payload);
    }
    1;
  } or refuse($connection, ref $@ ? @{$@}{qw(code message)} : ('failed', "$@"));
}

sub accept_all {
  my ($server) = @_;
  while (accept(my $socket, $server)) {
    $socket->blocking(0);
    my $connection = {socket => $socket, state => 'hello', inbox => '', outbox => '', until => now() + HANDSHAKE_S};
    push @connections, $connection;
    my $strangers = grep { !$owner || $_ != $owner } @connections;
    refuse($connection, tooManyConnections => 'Too many connections that have not proved the secret.')
      if $strangers > STRANGERS_MAX;
  }
}

# --- Section 8: without an owner, and the end of the engine -----------------------------------------------------------------

sub owner_changed {
  undef $orphan_at;
  if ($owner) {
    $was_attached = 1;
    return;
  }
  my $is_busy = $task && !$task->{ended};
  my $wait_s = $configuration->{$is_busy ? 'orphanBusyMs' : 'orphanIdleMs'} / 1000;
  # Whoever launched us is on its way.
  $wait_s = FIRST_OWNER_S if !$was_attached && $wait_s < FIRST_OWNER_S;
  $orphan_at = now() + $wait_s;
}

sub abandoned {
  undef $orphan_at;
  return leave(0) if !$task || $task->{ended};
  $is_leaving = 1;
  end_task(timedOut => failure(50214, 'No node has owned the job for too long, so its engine ended it.'),
    $configuration->{killGraceMs} / 1000);
}

sub leave {
  my ($grace_s) = @_;
  $is_leaving = 1;
  end_task(killed => failure(50215, 'The job was killed.'), $grace_s) if $task && !$task->{ended};
  return;
}

# The owner may still be reading the end, as a courtesy; it finds it in the file as well.
sub may_leave {
  return 0 if !$is_leaving || ($task && !$task->{ended});
  $leave_by //= now() + LEAVE_S;
  my $follow = $owner && $owner->{follow};
  return !$follow || $follow->{acknowledged} >= $follow->{task}{size} || now() >= $leave_by;
}

# --- Sections 1 and 2: launch ------------------------------------------------------------------------------------------

$SIG{PIPE} = $SIG{HUP} = $SIG{INT} = $SIG{QUIT} = 'IGNORE';
$SIG{CHLD} = sub { };
my $is_asked_to_go = 0;
$SIG{TERM} = sub { $is_asked_to_go = 1 };
STDERR->autoflush;
open STDIN, '<', '/dev/null';
mkdir "$directory/$_", 0700 for qw(jobs work tmp);
write_private("$directory/secret", "$configuration->{secret}\n");
unlink $configuration->{socketPath};
socket my $server, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
my $mask = umask 0177;
bind $server, pack_sockaddr_un($configuration->{socketPath}) or die "$configuration->{socketPath}: $!\n";
umask $mask;
listen $server, 128;
$server->blocking(0);
chomp(my $boot_id = slurp('/proc/sys/kernel/random/boot_id'));
write_private("$directory/engine.json", $json->encode({
  protocolVersion => 1, pid => $$ + 0, startTime => (status_of($$))[2] + 0, bootId => $boot_id, mark => $mark,
  cgroup => undef, map { $_ => $configuration->{$_} } qw(engineId engineType user creator socketPath),
}));
owner_changed();
open my $ready, '>&=', 3 or die "descriptor 3: $!\n";
syswrite $ready, "ready\n";
close $ready;

while (!$is_over || @connections) {
  my @outputs = grep { $_->{handle} } $task ? @{$task->{outputs}} : ();
  if (@outputs) {
    # The job waits in its next write while its spool is too far ahead.
    my $follow = $owner && $owner->{follow};
    my $has_room = $follow ? $task->{size} - $follow->{acknowledged} < $window_bytes
      : $task->{size} < $configuration->{unattendedBytesMax};
    @outputs = () if !$has_room;
  }
  my %by_number = map { fileno($_->{handle}) => $_ } @outputs;
  $by_number{fileno $_->{socket}} = $_ for @connections;
  my $readers = IO::Select->new(map { $_->{handle} } @outputs);
  $readers->add($_) for map { $_->{socket} } @connections;
  $readers->add($server) if !$is_over;
  my $writers = IO::Select->new(map { $_->{socket} } grep { $_->{outbox} ne '' } @connections);
  # Exits and deadlines are looked for as well, so nothing is waited for much longer than it may take.
  my $is_ending = $task && !$task->{ended} && ($task->{decided} || defined $task->{kill_at});
  my ($readable, $writable) = IO::Select->select($readers, $writers, undef, $is_ending || $is_leaving ? 0.01 : 0.1);
  for my $handle (@{$readable // []}) {
    if (defined fileno $server && $handle == $server) {
      accept_all($server);
      next;
    }
    my $number = fileno $handle;
    my $source = defined $number ? $by_number{$number} : undef;
    next if !$source;
    $source->{socket} ? readable($source) : read_output($source);
  }
  for my $connection (grep { $_->{socket} && $_->{outbox} ne '' } @connections) {
    flush($connection);
    pump($connection);
  }
  reap();
  look_at_task();
  for my $connection (grep { $_->{state} ne 'attached' && now() >= $_->{until} } @connections) {
    $connection->{state} eq 'finishing' ? drop($connection)
      : refuse($connection, tooSlow => 'The handshake took longer than ' . HANDSHAKE_S . ' s.');
  }
  if ($is_asked_to_go) {
    $is_asked_to_go = 0;
    leave($configuration->{killGraceMs} / 1000);
  }
  abandoned() if defined $orphan_at && !$is_leaving && now() >= $orphan_at;
  next if $is_over || !may_leave();
  $is_over = 1;
  kill_family() if family();
  close $server;
  unlink $configuration->{socketPath};
  finish($_) for @connections;
}
exit 0;
