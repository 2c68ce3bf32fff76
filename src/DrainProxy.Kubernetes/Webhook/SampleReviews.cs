namespace DrainProxy.Kubernetes.Webhook;

/// <summary>Reviews of pods as they are in clusters, for <see cref="WarmUp"/>: what most pods have, and one of each kind of answer.</summary>
internal static class SampleReviews
{
    private const string Typical = """
        {"metadata":{"generateName":"shop-7d4b9c6f5d-","namespace":"shop","labels":{"app":"shop","pod-template-hash":"7d4b9c6f5d"},"annotations":{"drainproxy.io/lb":"alb","checksum/config":"\u0031"},
         "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"shop-7d4b9c6f5d","uid":"d9607e19-f88f-11e6-a518-42010a800195","controller":true,"blockOwnerDeletion":true}],
         "managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}}}}]},
         "spec":{"serviceAccountName":"shop","restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","schedulerName":"default-scheduler","priority":0,"enableServiceLinks":true,
         "securityContext":{"runAsNonRoot":true,"runAsUser":1000},
         "tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],
         "volumes":[{"name":"token","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],
         "initContainers":[{"name":"migrate","image":"shop:1","command":["migrate"],"resources":{}}],
         "containers":[{"name":"shop","image":"shop:1","ports":[{"name":"http","containerPort":3000,"protocol":"TCP"},{"name":"metrics","containerPort":9100,"protocol":"TCP"}],
          "env":[{"name":"RAILS_ENV","value":"production"},{"name":"POD","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}}],
          "resources":{"requests":{"cpu":"250m","memory":"512Mi"},"limits":{"memory":"512Mi"}},
          "volumeMounts":[{"name":"token","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],
          "readinessProbe":{"httpGet":{"path":"/ready","port":"http","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":5,"successThreshold":1,"failureThreshold":3},
          "livenessProbe":{"tcpSocket":{"port":"http"},"periodSeconds":10,"failureThreshold":3},
          HOOK
          "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}]},"status":{}}
        """;

    private static readonly string[] Hooks =
    [
        "",
        """ "lifecycle":{"preStop":{"exec":{"command":["sh","-c","sleep 15"]}}}, """,
        """ "lifecycle":{"preStop":{"sleep":{"seconds":10}}}, """,
        """ "lifecycle":{"preStop":{"httpGet":{"path":"/bye","port":"http","httpHeaders":[{"name":"X-From","value":"kubelet"}]}}}, """,
        """ "lifecycle":{"preStop":{"exec":{"command":["/bin/drain"]}}}, """,
    ];

    /// <summary>Most of them are injected, as most reviews are.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. Hooks.Select(h => Review(Typical.Replace("HOOK", h, StringComparison.Ordinal))),
        Review("""{"metadata":{"annotations":{"drainproxy.io/takeover":"port-env","drainproxy.io/native-sidecar":"false","drainproxy.io/linger":"12s"}},"spec":{"containers":[{"name":"a","ports":[{"containerPort":8080}],"resources":{"limits":{"cpu":"1","memory":"1Gi"}}},{"name":"istio-proxy"}]}}"""),
        Review("""{"metadata":{},"spec":{"hostNetwork":true,"containers":[{"name":"a","ports":[{"containerPort":8080}]}]}}"""),
        """{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""",
    ];

    private static string Review(string pod) => $$$$"""
        {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{"group":"","version":"v1","kind":"Pod"},
         "resource":{"group":"","version":"v1","resource":"pods"},"requestKind":{"group":"","version":"v1","kind":"Pod"},"requestResource":{"group":"","version":"v1","resource":"pods"},
         "namespace":"shop","operation":"CREATE","userInfo":{"username":"system:serviceaccount:kube-system:replicaset-controller","groups":["system:serviceaccounts","system:authenticated"]},
         "object":{{{{pod}}}},"oldObject":null,"dryRun":true,"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}
        """;
}
