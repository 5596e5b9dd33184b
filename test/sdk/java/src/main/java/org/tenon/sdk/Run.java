package org.tenon.sdk;

import com.google.gson.Gson;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.linkis.httpclient.dws.authentication.StaticAuthenticationStrategy;
import org.apache.linkis.httpclient.dws.config.DWSClientConfig;
import org.apache.linkis.httpclient.dws.config.DWSClientConfigBuilder;
import org.apache.linkis.manager.label.constant.LabelKeyConstant;
import org.apache.linkis.ujes.client.UJESClient;
import org.apache.linkis.ujes.client.UJESClientImpl;
import org.apache.linkis.ujes.client.request.JobSubmitAction;
import org.apache.linkis.ujes.client.request.OpenLogAction;
import org.apache.linkis.ujes.client.request.ResultSetAction;
import org.apache.linkis.ujes.client.response.JobExecuteResult;
import org.apache.linkis.ujes.client.response.JobInfoResult;
import org.apache.linkis.ujes.client.response.JobLogResult;
import org.apache.linkis.ujes.client.response.ResultSetResult;

/**
 * Submits one job with the real SDK, follows it by polling as its documentation shows, and prints what the SDK made of
 * each answer, one JSON object a line.
 *
 * <p>Arguments: URL USER PASSWORD ENGINE_TYPE CODE_TYPE CODE [KILL_AFTER_MS].
 */
public final class Run {
  private static final Gson GSON = new Gson();
  private static final long DEADLINE_MS = 60_000;

  private Run() {}

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    String user = arguments[1];
    DWSClientConfig config =
        ((DWSClientConfigBuilder)
                DWSClientConfigBuilder.newBuilder()
                    .addServerUrl(url)
                    .connectionTimeout(10_000)
                    .discoveryEnabled(false)
                    .discoveryFrequency(1, TimeUnit.MINUTES)
                    .loadbalancerEnabled(false)
                    .maxConnectionSize(5)
                    .retryEnabled(false)
                    .readTimeout(30_000)
                    .setAuthenticationStrategy(new StaticAuthenticationStrategy())
                    .setAuthTokenKey(user)
                    .setAuthTokenValue(arguments[2]))
            .setDWSVersion("v1")
            .build();
    try (UJESClient client = new UJESClientImpl(config)) {
      long killAfterMs = arguments.length > 6 ? Long.parseLong(arguments[6]) : -1;
      run(client, user, arguments[3], arguments[4], arguments[5], killAfterMs);
    } catch (Throwable failure) {
      Throwable root = failure;
      while (root.getCause() != null && root.getCause() != root) root = root.getCause();
      print("failed", "class", root.getClass().getName(), "message", String.valueOf(root.getMessage()));
      System.exit(1);
    }
    // The SDK leaves threads behind that are not daemons.
    System.exit(0);
  }

  private static void run(
      UJESClient client, String user, String engineType, String codeType, String code, long killAfterMs)
      throws Exception {
    Map<String, Object> labels = new HashMap<>();
    labels.put(LabelKeyConstant.ENGINE_TYPE_KEY, engineType);
    labels.put(LabelKeyConstant.USER_CREATOR_TYPE_KEY, user + "-IDE");
    labels.put(LabelKeyConstant.CODE_TYPE_KEY, codeType);
    Map<String, Object> source = new HashMap<>();
    source.put("scriptPath", "sdk-run");

    JobExecuteResult job =
        client.submit(
            JobSubmitAction.builder()
                .addExecuteCode(code)
                .setStartupParams(new HashMap<>())
                .setRuntimeParams(new HashMap<>())
                .setVariableMap(new HashMap<>())
                .setUser(user)
                .addExecuteUser(user)
                .setLabels(labels)
                .setSource(source)
                .build());
    print("submitted", "taskID", job.getTaskID(), "execID", job.getExecID());

    long startedMs = System.currentTimeMillis();
    boolean isKilled = false;
    int fromLine = 0;
    JobInfoResult info = client.getJobInfo(job);
    while (!info.isCompleted()) {
      if (System.currentTimeMillis() - startedMs > DEADLINE_MS) {
        throw new IllegalStateException("still " + info.getJobStatus() + " after " + DEADLINE_MS + " ms");
      }
      print("polled", "status", client.status(job).getJobStatus(), "progress", client.progress(job).getProgress());
      JobLogResult log = client.log(job, fromLine, 100);
      if (log != null) fromLine = log.getFromLine();
      if (killAfterMs >= 0 && !isKilled && System.currentTimeMillis() - startedMs >= killAfterMs) {
        client.kill(job);
        isKilled = true;
        print("killed");
      }
      Thread.sleep(100);
      info = client.getJobInfo(job);
    }
    print(
        "ended",
        "status", info.getJobStatus(),
        "taskID", info.getRequestPersistTask().getTaskID(),
        "user", info.getRequestPersistTask().getUmUser(),
        "engineType", info.getRequestPersistTask().getEngineType(),
        "createdTime", info.getRequestPersistTask().getCreatedTime().getTime(),
        "errCode", info.getRequestPersistTask().getErrCode(),
        "errDesc", info.getRequestPersistTask().getErrDesc());

    String logPath = info.getRequestPersistTask().getLogPath();
    print(
        "log",
        "all",
        client
            .openLog(OpenLogAction.newBuilder().setLogPath(logPath).setProxyUser(user).build())
            .getLog()[3]);

    if (!info.isSucceed()) return;
    for (String path : info.getResultSetList(client)) {
      ResultSetResult result =
          client.resultSet(ResultSetAction.builder().setPath(path).setUser(user).build());
      print(
          "result",
          "path", path,
          "type", result.getType(),
          "metadata", result.getMetadata(),
          "fileContent", result.getFileContent(),
          "totalLine", result.getTotalLine());
    }
  }

  private static void print(String event, Object... pairs) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("event", event);
    for (int n = 0; n < pairs.length; n += 2) line.put((String) pairs[n], pairs[n + 1]);
    System.out.println(GSON.toJson(line));
  }
}
