; Stream: invariant shared.value.groups[].value.start_when_created by delta of acknowledge
; unsat means proved
(set-logic ALL)
(declare-fun |name| () Int)
(declare-fun |k0| () Int)
(declare-fun |k0!1| () Int)
(declare-fun |this.shared.value.groups.value.start.present| (Int Int) Bool)
(declare-fun |all| () Bool)
(assert (or |all| (and (= |name| |k0|) (|this.shared.value.groups.value.start.present| |name| |k0!1|))))
(assert (not (or (= |name| |k0|) |all|)))
(check-sat)
