; Stream: invariant shared.own_deletes by delta of create_group
; unsat means proved
(set-logic ALL)
(declare-fun |r0| () Int)
(declare-fun |this.shared.deletes.present| (Int) Bool)
(declare-fun |this.shared.deletes.replica| (Int) Int)
(define-fun t!1 () Bool (or (not (|this.shared.deletes.present| |r0|)) (= |r0| (|this.shared.deletes.replica| |r0|))))
(assert (not t!1))
(assert t!1)
(check-sat)
