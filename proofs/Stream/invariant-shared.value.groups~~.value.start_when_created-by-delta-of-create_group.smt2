; Stream: invariant shared.value.groups[].value.start_when_created by delta of create_group
; unsat means proved
(set-logic ALL)
(declare-fun |name| () Int)
(declare-fun |k0| () Int)
(declare-fun |k0!1| () Int)
(declare-fun |start.present| (Int) Bool)
(declare-fun |all| () Bool)
(assert (or |all| (and (= |name| |k0|) (|start.present| |k0!1|))))
(assert (not (or (= |name| |k0|) |all|)))
(check-sat)
