; HyperLogLog: invariant sketch.own_deletes by delta of replace
; unsat means proved
(set-logic ALL)
(declare-fun |r0| () Int)
(declare-fun |this.sketch.deletes.present| (Int) Bool)
(declare-fun |this.sketch.deletes.replica| (Int) Int)
(define-fun t!1 () Bool (or (not (|this.sketch.deletes.present| |r0|)) (= |r0| (|this.sketch.deletes.replica| |r0|))))
(assert (not t!1))
(assert t!1)
(check-sat)
