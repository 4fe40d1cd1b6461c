; Stream: invariant shared.value.groups[].own_deletes by delta of create_group
; unsat means proved
(set-logic ALL)
(declare-fun |name| () Int)
(declare-fun |k0| () Int)
(declare-fun |r0| () Int)
(declare-fun |this.shared.value.groups.deletes.present| (Int Int) Bool)
(declare-fun |this.shared.value.groups.deletes.replica| (Int Int) Int)
(define-fun t!1 () Bool (|this.shared.value.groups.deletes.present| |name| |r0|))
(define-fun t!2 () Bool (= |r0| (|this.shared.value.groups.deletes.replica| |name| |r0|)))
(assert (not (or (not (and (= |name| |k0|) t!1)) t!2)))
(assert (or (not t!1) t!2))
(check-sat)
