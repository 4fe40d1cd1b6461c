; Scalar: fresh collect
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |ResetCounter.delta.forgets| (Int Int) Bool)
(declare-fun |this.counter.live| (Int Int) Bool)
(declare-fun |this.seen| (Int Int) Bool)
(declare-fun |this.register.live| (Int Int) Bool)
(define-fun t!1 () Bool (|this.counter.live| |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|this.seen| |x0.replica| |x0.number|))
(assert (not (or (not (and (|ResetCounter.delta.forgets| |x0.replica| |x0.number|) t!1 t!2)) (and t!2 (or (and (|this.register.live| |x0.replica| |x0.number|) t!2) (and t!1 t!2))))))
(check-sat)
