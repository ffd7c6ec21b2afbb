(** Directed rounding from the nearest double and the sign of its error.

    In words: rounding up is the nearest double, or its successor where the error exact - nearest is
    positive; down alike. The code finds the sign of that error exactly: for sums by TwoSum (Fast2Sum
    next to the greatest doubles), for products, quotients and square roots from one fused
    multiply-add, scaled by powers of two where the residual could underflow. So the operations equal
    the correctly directed ones.

    Relied on by: include/numgeom/arithmetic/rounding.hpp. Page: rounding.md. The names follow the
    code. Doubles are Flocq's format with gradual underflow and no greatest exponent: intermediate
    results are shown to be small where that is not plain, and [overflow_above] is what the code does
    with an infinite result. NaN, infinite operands and bit patterns are not modelled. *)

From Coq Require Import Reals ZArith Lia Lra Psatz.
From Flocq Require Import Core Relative Plus_error Mult_error Pff2Flocq.
Open Scope R_scope.

Local Instance precision_positive : Prec_gt_0 53 := eq_refl.

Notation fexp := (FLT_exp (-1074) 53).
Notation double := (generic_format radix2 fexp).
Notation pow2 e := (bpow radix2 e).
(** To nearest, ties to even; up; down. *)
Notation RN := (round radix2 fexp ZnearestE).
Notation RU := (round radix2 fexp Zceil).
Notation RD := (round radix2 fexp Zfloor).

(** * From the sign of the error to the direction *)

Definition step_up (nearest error : R) : R :=
  if Rlt_bool 0 error then succ radix2 fexp nearest else nearest.
Definition step_down (nearest error : R) : R :=
  if Rlt_bool error 0 then pred radix2 fexp nearest else nearest.

Definition same_sign (x y : R) : Prop := (0 < x <-> 0 < y) /\ (x < 0 <-> y < 0).

Lemma RN_double : forall x, double (RN x).
Proof. intros x. apply generic_format_round; auto with typeclass_instances. Qed.

Lemma RN_above : forall x y, double x -> x <= y -> x <= RN y.
Proof. intros x y Fx H. apply round_ge_generic; auto with typeclass_instances. Qed.

Lemma RN_below : forall x y, double y -> x <= y -> RN x <= y.
Proof. intros x y Fy H. apply round_le_generic; auto with typeclass_instances. Qed.

Lemma RN_exact : forall x, double x -> RN x = x.
Proof. intros x Fx. apply round_generic; auto with typeclass_instances. Qed.

Lemma up_of_nearest : forall x, RU x = if Rlt_bool (RN x) x then succ radix2 fexp (RN x) else RN x.
Proof.
  intros x.
  destruct (round_UP_pt radix2 fexp x) as (_ & Ux & _).
  destruct (round_DN_pt radix2 fexp x) as (_ & Dx & _).
  destruct (round_DN_or_UP radix2 fexp ZnearestE x) as [H|H]; rewrite H.
  - case Rlt_bool_spec; intros Hx.
    + symmetry. apply succ_DN_eq_UP; auto with typeclass_instances.
      intros Fx. rewrite round_generic in Hx by auto with typeclass_instances. lra.
    + assert (E : RD x = x) by lra.
      assert (Fx : double x).
      { rewrite <- E. apply generic_format_round; auto with typeclass_instances. }
      rewrite 2!round_generic by auto with typeclass_instances. reflexivity.
  - rewrite Rlt_bool_false by exact Ux. reflexivity.
Qed.

Lemma down_of_nearest : forall x, RD x = if Rlt_bool x (RN x) then pred radix2 fexp (RN x) else RN x.
Proof.
  intros x.
  destruct (round_UP_pt radix2 fexp x) as (_ & Ux & _).
  destruct (round_DN_pt radix2 fexp x) as (_ & Dx & _).
  destruct (round_DN_or_UP radix2 fexp ZnearestE x) as [H|H]; rewrite H.
  - rewrite Rlt_bool_false by exact Dx. reflexivity.
  - case Rlt_bool_spec; intros Hx.
    + symmetry. apply pred_UP_eq_DN; auto with typeclass_instances.
      intros Fx. rewrite round_generic in Hx by auto with typeclass_instances. lra.
    + assert (E : RU x = x) by lra.
      assert (Fx : double x).
      { rewrite <- E. apply generic_format_round; auto with typeclass_instances. }
      rewrite 2!round_generic by auto with typeclass_instances. reflexivity.
Qed.

(** A number with the sign of the error of the nearest double decides both directions. *)
Theorem directed : forall x error, same_sign error (x - RN x) ->
  RU x = step_up (RN x) error /\ RD x = step_down (RN x) error.
Proof.
  intros x e (P & N). unfold step_up, step_down. rewrite up_of_nearest, down_of_nearest.
  split.
  - case (Rlt_bool_spec 0 e); intros He.
    + rewrite Rlt_bool_true; [reflexivity|]. apply P in He. lra.
    + rewrite Rlt_bool_false; [reflexivity|].
      apply Rnot_lt_le. intros H. apply Rle_not_lt in He. apply He, P. lra.
  - case (Rlt_bool_spec e 0); intros He.
    + rewrite Rlt_bool_true; [reflexivity|]. apply N in He. lra.
    + rewrite Rlt_bool_false; [reflexivity|].
      apply Rnot_lt_le. intros H. apply Rle_not_lt in He. apply He, N. lra.
Qed.

Lemma same_sign_refl : forall x, same_sign x x.
Proof. intros x. split; split; exact (fun H => H). Qed.

Lemma same_sign_trans : forall x y z, same_sign x y -> same_sign y z -> same_sign x z.
Proof. unfold same_sign. tauto. Qed.

Lemma same_sign_scale : forall c x, 0 < c -> same_sign (c * x) x.
Proof. intros c x Hc. split; split; intros H; nra. Qed.

(** * Residuals that do not underflow *)

Definition multiple (e : Z) (x : R) : Prop := exists k : Z, x = IZR k * pow2 e.

Lemma multiple_weaken : forall e e' x, (e' <= e)%Z -> multiple e x -> multiple e' x.
Proof.
  intros e e' x H (k & ->). exists (k * 2 ^ (e - e'))%Z.
  rewrite mult_IZR. change 2%Z with (radix_val radix2). rewrite IZR_Zpower by lia.
  rewrite Rmult_assoc, <- bpow_plus. f_equal. f_equal. lia.
Qed.

Lemma multiple_minus : forall e x y, multiple e x -> multiple e y -> multiple e (x - y).
Proof. intros e x y (k & ->) (l & ->). exists (k - l)%Z. rewrite minus_IZR. ring. Qed.

Lemma multiple_mult : forall e e' x y, multiple e x -> multiple e' y -> multiple (e + e') (x * y).
Proof.
  intros e e' x y (k & ->) (l & ->). exists (k * l)%Z. rewrite mult_IZR, bpow_plus. ring.
Qed.

Lemma multiple_scale : forall e s x, multiple e x -> multiple (e + s) (x * pow2 s).
Proof. intros e s x (k & ->). exists k. rewrite bpow_plus. ring. Qed.

Lemma double_cexp : forall x, double x -> multiple (cexp radix2 fexp x) x.
Proof.
  intros x Fx. exists (Ztrunc (scaled_mantissa radix2 fexp x)). rewrite Fx at 1. reflexivity.
Qed.

Lemma double_multiple : forall x, double x -> multiple (-1074) x.
Proof.
  intros x Fx. apply multiple_weaken with (cexp radix2 fexp x); [|apply double_cexp, Fx].
  unfold cexp, FLT_exp. lia.
Qed.

Lemma double_multiple_mag : forall x, double x -> multiple (mag radix2 x - 53) x.
Proof.
  intros x Fx. apply multiple_weaken with (cexp radix2 fexp x); [|apply double_cexp, Fx].
  unfold cexp, FLT_exp. lia.
Qed.

Lemma double_multiple_above : forall x e, double x -> x = 0 \/ pow2 e <= Rabs x ->
  multiple (e - 52) x.
Proof.
  intros x e Fx [->|H]; [exists 0%Z; ring|].
  apply multiple_weaken with (mag radix2 x - 53)%Z; [|apply double_multiple_mag, Fx].
  assert (e < mag radix2 x)%Z; [|lia].
  apply (lt_bpow radix2). eapply Rle_lt_trans; [exact H|]. apply bpow_mag_gt.
Qed.

Lemma double_pow2 : forall e, (-1074 <= e)%Z -> double (pow2 e).
Proof. intros e He. apply generic_format_bpow. unfold FLT_exp. lia. Qed.

(** A multiple of the least double keeps its sign when it is rounded. *)
Lemma sign_kept : forall x, multiple (-1074) x -> same_sign (RN x) x.
Proof.
  intros x (k & Hx).
  assert (P : 0 < pow2 (-1074)) by apply bpow_gt_0.
  assert (F : double (pow2 (-1074))) by (apply double_pow2; lia).
  assert (F0 : double 0) by apply generic_format_0.
  assert (Pos : 0 < x -> 0 < RN x).
  { intros H. apply Rlt_le_trans with (pow2 (-1074)); [exact P|]. apply RN_above; [exact F|].
    rewrite Hx in *. assert (0 < IZR k) by nra. assert (1 <= k)%Z by (apply lt_IZR in H0; lia).
    apply IZR_le in H1. nra. }
  assert (Neg : x < 0 -> RN x < 0).
  { intros H. apply Rle_lt_trans with (- pow2 (-1074)); [|lra].
    apply RN_below; [apply generic_format_opp, F|].
    rewrite Hx in *. assert (IZR k < 0) by nra. assert (k <= -1)%Z by (apply lt_IZR in H0; lia).
    apply IZR_le in H1. nra. }
  split; split; intros H; auto.
  - destruct (Rlt_or_le 0 x) as [Hp|Hn]; [exact Hp|]. apply (RN_below x 0 F0) in Hn. lra.
  - destruct (Rlt_or_le x 0) as [Hn|Hp]; [exact Hn|]. apply (RN_above 0 x F0) in Hp. lra.
Qed.

(** * Sums *)

Definition sum_error (a b s : R) : R :=
  let b_part := RN (s - a) in
  let a_part := RN (s - b_part) in
  RN (RN (a - a_part) + RN (b - b_part)).

Lemma even_ties : forall x, negb (Z.even x) = negb (negb (Z.even (- (x + 1)))).
Proof.
  intros x. rewrite Z.even_opp, Z.even_add. destruct (Z.even x); reflexivity.
Qed.

(** TwoSum: the error of a sum of doubles, exactly, subnormal numbers included. *)
Theorem sum_error_exact : forall a b, double a -> double b ->
  sum_error a b (RN (a + b)) = a + b - RN (a + b).
Proof.
  intros a b Fa Fb.
  pose proof (TwoSum_correct (-1074) 53 (fun x => negb (Z.even x)) ltac:(lia) ltac:(lia)
                even_ties a b Fa Fb) as H.
  unfold sum_error. apply Rplus_eq_reg_l with (RN (a + b)).
  transitivity (a + b); [exact H|ring].
Qed.

Theorem add_correct : forall a b, double a -> double b ->
  let s := RN (a + b) in
  RU (a + b) = step_up s (sum_error a b s) /\ RD (a + b) = step_down s (sum_error a b s).
Proof.
  intros a b Fa Fb s. apply directed. unfold s. rewrite sum_error_exact by assumption.
  apply same_sign_refl.
Qed.

(** [step] moves a bit pattern, which is right at zero only without an error. *)
Theorem zero_sum_exact : forall a b, double a -> double b -> RN (a + b) = 0 ->
  sum_error a b (RN (a + b)) = 0.
Proof.
  intros a b Fa Fb H. rewrite sum_error_exact, H by assumption.
  apply round_plus_eq_0 in H; auto with typeclass_instances. lra.
Qed.

Definition large_sum_error (a b s : R) : R :=
  let a_first := Rle_bool (Rabs b) (Rabs a) in
  let larger := if a_first then a else b in
  let smaller := if a_first then b else a in
  RN (smaller - RN (s - larger)).

(** Fast2Sum: the same next to the greatest doubles, where TwoSum could overflow. *)
Theorem large_sum_error_exact : forall a b, double a -> double b ->
  large_sum_error a b (RN (a + b)) = a + b - RN (a + b).
Proof.
  assert (Main : forall x y, double x -> double y -> Rabs y <= Rabs x ->
    RN (y - RN (RN (x + y) - x)) = x + y - RN (x + y)).
  { intros x y Fx Fy H.
    pose proof (Fast2Sum_correct (-1074) 53 (fun z => negb (Z.even z)) ltac:(lia) ltac:(lia)
                  even_ties x y Fx Fy H) as E.
    apply Rplus_eq_reg_l with (RN (x + y)). transitivity (x + y); [|ring]. rewrite <- E at 3.
    apply f_equal.
    replace (RN (x + y) - x) with (- (x - RN (x + y))) by ring.
    rewrite (round_N_opp_sym (-1074) 53 (fun z => negb (Z.even z)) even_ties).
    apply f_equal. ring. }
  intros a b Fa Fb. unfold large_sum_error. case Rle_bool_spec; intros H.
  - apply Main; assumption.
  - rewrite (Rplus_comm a b). apply Main; [assumption..|lra].
Qed.

Theorem add_large_correct : forall a b, double a -> double b ->
  let s := RN (a + b) in
  RU (a + b) = step_up s (large_sum_error a b s) /\
  RD (a + b) = step_down s (large_sum_error a b s).
Proof.
  intros a b Fa Fb s. apply directed. unfold s. rewrite large_sum_error_exact by assumption.
  apply same_sign_refl.
Qed.

(** * Products *)

(** [kResidualSafe] *)
Definition residual_safe : R := pow2 (-968).

Lemma product_mag : forall a b, Rabs (a * b) < pow2 (mag radix2 a + mag radix2 b).
Proof.
  intros a b. rewrite Rabs_mult, bpow_plus.
  apply Rmult_le_0_lt_compat; try apply Rabs_pos; apply bpow_mag_gt.
Qed.

Lemma RN_abs_below : forall x e, (-1074 <= e)%Z -> Rabs x <= pow2 e -> Rabs (RN x) <= pow2 e.
Proof.
  intros x e He H. apply abs_round_le_generic; auto with typeclass_instances.
  apply double_pow2, He.
Qed.

Lemma RN_abs_above : forall x e, (-1074 <= e)%Z -> pow2 e <= Rabs x -> pow2 e <= Rabs (RN x).
Proof.
  intros x e He H. apply abs_round_ge_generic; auto with typeclass_instances.
  apply double_pow2, He.
Qed.

Lemma product_exponents : forall a b, residual_safe <= Rabs (RN (a * b)) ->
  (-968 <= mag radix2 a + mag radix2 b)%Z.
Proof.
  intros a b H.
  assert (K : Rabs (RN (a * b)) <= pow2 (Z.max (mag radix2 a + mag radix2 b) (-1074))).
  { apply RN_abs_below; [lia|]. eapply Rle_trans; [apply Rlt_le, product_mag|].
    apply bpow_le. lia. }
  assert (L : (-968 <= Z.max (mag radix2 a + mag radix2 b) (-1074))%Z).
  { apply (le_bpow radix2). eapply Rle_trans; [exact H|exact K]. }
  lia.
Qed.

Lemma product_residual : forall a b, double a -> double b -> residual_safe <= Rabs (RN (a * b)) ->
  multiple (-1074) (a * b - RN (a * b)).
Proof.
  intros a b Fa Fb H. apply multiple_minus; [|apply double_multiple, RN_double].
  apply multiple_weaken with ((mag radix2 a - 53) + (mag radix2 b - 53))%Z.
  - pose proof (product_exponents a b H). lia.
  - apply multiple_mult; apply double_multiple_mag; assumption.
Qed.

Theorem mul_correct : forall a b, double a -> double b ->
  let p := RN (a * b) in
  residual_safe <= Rabs p ->
  let error := RN (a * b - p) in
  RU (a * b) = step_up p error /\ RD (a * b) = step_down p error.
Proof.
  intros a b Fa Fb p H error. apply directed. apply sign_kept. apply product_residual; assumption.
Qed.

(** The residual is even exact: what [fma_error] relies on. *)
Theorem product_error_exact : forall a b, double a -> double b ->
  residual_safe <= Rabs (RN (a * b)) -> RN (a * b - RN (a * b)) = a * b - RN (a * b).
Proof.
  intros a b Fa Fb H. apply RN_exact.
  replace (a * b - RN (a * b)) with (- (RN (a * b) - a * b)) by ring. apply generic_format_opp.
  apply mult_error_FLT; auto with typeclass_instances. intros _.
  apply Rnot_lt_le. intros L. apply (Rlt_not_le _ _ (bpow_lt radix2 (-969) (-968) eq_refl)).
  eapply Rle_trans; [exact H|]. apply RN_abs_below; [lia|]. apply Rlt_le, L.
Qed.

(** So a product is exact where its residual is found to be zero. *)
Theorem zero_residual_exact : forall a b, double a -> double b ->
  residual_safe <= Rabs (RN (a * b)) -> RN (a * b - RN (a * b)) = 0 -> RN (a * b) = a * b.
Proof.
  intros a b Fa Fb H Z. rewrite product_error_exact in Z by assumption. lra.
Qed.

(** What std::frexp gives. *)
Definition split (x m : R) (e : Z) : Prop := x = m * pow2 e /\ double m /\ / 2 <= Rabs m < 1.

Lemma half : pow2 (-1) = / 2.
Proof. reflexivity. Qed.

Lemma split_multiple : forall x m e, split x m e -> multiple (-53) m.
Proof.
  intros x m e (_ & Fm & Hm). change (-53)%Z with (-1 - 52)%Z.
  apply double_multiple_above; [exact Fm|]. right. rewrite half. apply Hm.
Qed.

Lemma split_size : forall x m e, split x m e -> pow2 (e - 1) <= Rabs x < pow2 e.
Proof.
  intros x m e (-> & _ & Hm). rewrite Rabs_mult, (Rabs_pos_eq (pow2 e)) by apply bpow_ge_0.
  assert (P : 0 < pow2 e) by apply bpow_gt_0.
  assert (E : pow2 (e - 1) = / 2 * pow2 e).
  { unfold Zminus. rewrite bpow_plus. change (- (1))%Z with (-1)%Z. rewrite half. ring. }
  rewrite E. split; nra.
Qed.

Lemma RN_tiny : forall x, Rabs x < pow2 (-1075) -> RN x = 0.
Proof.
  intros x H. destruct (Req_dec x 0) as [->|Nx].
  - apply round_0; auto with typeclass_instances.
  - apply round_N_small with (mag radix2 x).
    + split; [apply bpow_mag_le, Nx|apply bpow_mag_gt].
    + assert (mag radix2 x <= -1075)%Z by (apply mag_le_bpow; assumption).
      unfold FLT_exp. lia.
Qed.

(** Small products: every step is exact but the last, which keeps the sign. *)
Theorem mul_scaled_correct : forall a b ma mb ea eb, double a -> double b ->
  split a ma ea -> split b mb eb ->
  let p := RN (a * b) in
  Rabs p < residual_safe ->
  let scaled := RN (p * pow2 (- (ea + eb))) in
  let error := RN (ma * mb - scaled) in
  scaled = p * pow2 (- (ea + eb)) /\ Rabs scaled <= 1 /\
  RU (a * b) = step_up p error /\ RD (a * b) = step_down p error.
Proof.
  intros a b ma mb ea eb Fa Fb Sa Sb p Hp scaled error.
  pose proof (split_size _ _ _ Sa) as (La & Ua). pose proof (split_size _ _ _ Sb) as (Lb & Ub).
  assert (Lab : pow2 (ea - 1 + (eb - 1)) <= Rabs (a * b)).
  { rewrite Rabs_mult, bpow_plus. apply Rmult_le_compat; try apply bpow_ge_0; assumption. }
  assert (Uab : Rabs (a * b) < pow2 (ea + eb)).
  { rewrite Rabs_mult, bpow_plus. apply Rmult_le_0_lt_compat; try apply Rabs_pos; assumption. }
  assert (Small : (ea + eb <= -967)%Z).
  { apply Z.nlt_ge. intros K. apply (Rlt_not_le _ _ Hp). unfold p, residual_safe.
    apply RN_abs_above; [lia|]. eapply Rle_trans; [|exact Lab]. apply bpow_le. lia. }
  assert (Fp : double p) by apply RN_double.
  assert (Es : scaled = p * pow2 (- (ea + eb))).
  { apply RN_exact. apply mult_bpow_pos_exact_FLT; auto with typeclass_instances. lia. }
  split; [exact Es|]. split.
  { rewrite Es, Rabs_mult, (Rabs_pos_eq (pow2 _)) by apply bpow_ge_0.
    destruct (Z_lt_le_dec (ea + eb) (-1074)) as [Tiny|Not].
    - unfold p. rewrite RN_tiny, Rabs_R0 by
        (eapply Rlt_le_trans; [exact Uab|apply bpow_le; lia]). lra.
    - apply Rle_trans with (pow2 (ea + eb) * pow2 (- (ea + eb))).
      + apply Rmult_le_compat_r; [apply bpow_ge_0|]. unfold p.
        apply RN_abs_below; [exact Not|apply Rlt_le, Uab].
      + rewrite <- bpow_plus, Z.add_opp_diag_r. simpl. lra. }
  apply directed. unfold error. eapply same_sign_trans.
  - apply sign_kept. apply multiple_minus.
    + apply multiple_weaken with (-53 + -53)%Z; [lia|].
      apply multiple_mult; eapply split_multiple; eassumption.
    + apply double_multiple, RN_double.
  - replace (ma * mb - scaled) with (pow2 (- (ea + eb)) * (a * b - p)).
    + apply same_sign_scale, bpow_gt_0.
    + rewrite Es, (proj1 Sa), (proj1 Sb).
      replace (pow2 (- (ea + eb)) * (ma * pow2 ea * (mb * pow2 eb) - p))
        with (ma * mb * (pow2 ea * pow2 eb * pow2 (- (ea + eb))) - p * pow2 (- (ea + eb))) by ring.
      rewrite <- 2!bpow_plus, Z.add_opp_diag_r. simpl (pow2 0). ring.
Qed.

(** * Quotients *)

(** The sign of a/b - q from that of a - q b, in which one flips the sign bit for b < 0. *)
Definition quotient_error (residual b : R) : R := if Rlt_bool b 0 then - residual else residual.

Lemma quotient_sign : forall a b q r, b <> 0 -> same_sign r (a - q * b) ->
  same_sign (quotient_error r b) (a / b - q).
Proof.
  intros a b q r Nb (P & N).
  assert (E : a - q * b = b * (a / b - q)) by (field; exact Nb). rewrite E in *.
  unfold quotient_error. case Rlt_bool_spec; intros Hb; split; split; intros H.
  - assert (r < 0) by lra. apply N in H0. nra.
  - assert (b * (a / b - q) < 0) by nra. apply N in H0. lra.
  - assert (0 < r) by lra. apply P in H0. nra.
  - assert (0 < b * (a / b - q)) by nra. apply P in H0. lra.
  - apply P in H. nra.
  - apply P. nra.
  - apply N in H. nra.
  - apply N. nra.
Qed.

Theorem div_correct : forall a b, double a -> double b -> b <> 0 ->
  let q := RN (a / b) in
  pow2 (-1022) <= Rabs q -> residual_safe <= Rabs a ->
  let error := quotient_error (RN (- q * b + a)) b in
  RU (a / b) = step_up q error /\ RD (a / b) = step_down q error.
Proof.
  intros a b Fa Fb Nb q Hq Ha error. apply directed. apply quotient_sign; [exact Nb|].
  fold q. replace (- q * b + a) with (a - q * b) by ring. apply sign_kept.
  apply multiple_minus; [apply double_multiple, Fa|].
  assert (Fq : double q) by apply RN_double.
  apply multiple_weaken with ((mag radix2 q - 53) + (mag radix2 b - 53))%Z;
    [|apply multiple_mult; apply double_multiple_mag; assumption].
  assert (Err : Rabs (q - a / b) <= Rabs q).
  { pose proof (error_le_half_ulp_round radix2 fexp (fun z => negb (Z.even z)) (a / b)) as H.
    fold q in H.
    pose proof (ulp_FLT_le radix2 (-1074) 53 q Hq) as Hu.
    change (1 - 53)%Z with (-52)%Z in Hu.
    pose proof (bpow_le radix2 (-52) 0 ltac:(lia)) as H0. simpl (pow2 0) in H0.
    pose proof (Rabs_pos q). nra. }
  assert (Hab : Rabs (a / b) <= 2 * Rabs q).
  { replace (a / b) with (q - (q - a / b)) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra. }
  assert (Hqb : Rabs a <= 2 * Rabs (q * b)).
  { replace a with (a / b * b) at 1 by (field; exact Nb). rewrite 2!Rabs_mult.
    pose proof (Rabs_pos b). nra. }
  assert (Two : residual_safe = 2 * pow2 (-969)).
  { unfold residual_safe. change (-968)%Z with (-969 + 1)%Z. rewrite bpow_plus_1. reflexivity. }
  assert (-969 < mag radix2 q + mag radix2 b)%Z; [|lia].
  apply (lt_bpow radix2). apply Rle_lt_trans with (Rabs (q * b)); [lra|apply product_mag].
Qed.

(** Elsewhere both are scaled. There [q] may be zero; the code steps from it by [next_up]. *)
Theorem div_scaled_correct : forall a b ma mb ea eb, double a -> double b ->
  split a ma ea -> split b mb eb ->
  let q := RN (a / b) in
  let scaled := RN (q * pow2 (eb - ea)) in
  let error := quotient_error (RN (- scaled * mb + ma)) b in
  scaled = q * pow2 (eb - ea) /\ Rabs scaled <= 2 /\
  RU (a / b) = step_up q error /\ RD (a / b) = step_down q error.
Proof.
  intros a b ma mb ea eb Fa Fb Sa Sb q scaled error.
  pose proof (split_size _ _ _ Sa) as (La & Ua). pose proof (split_size _ _ _ Sb) as (Lb & Ub).
  pose proof (bpow_gt_0 radix2 (eb - 1)) as Pb. pose proof (bpow_gt_0 radix2 (ea - 1)) as Pa.
  assert (Nb : b <> 0).
  { intros Z. rewrite Z, Rabs_R0 in Lb. lra. }
  assert (Ab : Rabs (a / b) = Rabs a * / Rabs b).
  { unfold Rdiv. rewrite Rabs_mult, Rabs_inv. reflexivity. }
  set (k := (eb - ea)%Z).
  assert (Lq : pow2 (- k - 1) <= Rabs (a / b)).
  { rewrite Ab. replace (- k - 1)%Z with (ea - 1 + - eb)%Z by (unfold k; lia).
    rewrite bpow_plus, bpow_opp. apply Rmult_le_compat; try lra.
    - apply Rlt_le, Rinv_0_lt_compat, bpow_gt_0.
    - apply Rinv_le; lra. }
  assert (Uq : Rabs (a / b) < pow2 (- k + 1)).
  { rewrite Ab. replace (- k + 1)%Z with (ea + - (eb - 1))%Z by (unfold k; lia).
    rewrite bpow_plus, bpow_opp. apply Rlt_le_trans with (pow2 ea * / Rabs b).
    - apply Rmult_lt_compat_r; [apply Rinv_0_lt_compat; lra|exact Ua].
    - apply Rmult_le_compat_l; [apply bpow_ge_0|apply Rinv_le; lra]. }
  assert (Fq : double q) by apply RN_double.
  assert (Lq' : (k <= 1073)%Z -> pow2 (- k - 1) <= Rabs q).
  { intros H. apply RN_abs_above; [lia|exact Lq]. }
  assert (Es : scaled = q * pow2 k).
  { apply RN_exact. destruct (Z_lt_le_dec k 0) as [Hk|Hk].
    - apply mult_bpow_exact_FLT; [exact Fq|].
      assert (- k - 1 < mag radix2 q)%Z; [|lia].
      apply (lt_bpow radix2). eapply Rle_lt_trans; [apply Lq'; lia|apply bpow_mag_gt].
    - apply mult_bpow_pos_exact_FLT; auto with typeclass_instances. }
  split; [exact Es|]. split.
  { rewrite Es, Rabs_mult, (Rabs_pos_eq (pow2 _)) by apply bpow_ge_0.
    destruct (Z_lt_le_dec (- k + 1) (-1074)) as [Tiny|Not].
    - unfold q. rewrite RN_tiny, Rabs_R0 by
        (eapply Rlt_le_trans; [exact Uq|apply bpow_le; lia]). lra.
    - apply Rle_trans with (pow2 (- k + 1) * pow2 k).
      + apply Rmult_le_compat_r; [apply bpow_ge_0|].
        apply RN_abs_below; [exact Not|apply Rlt_le, Uq].
      + rewrite <- bpow_plus. replace (- k + 1 + k)%Z with 1%Z by lia. simpl. lra. }
  assert (Ms : multiple (-1021) scaled).
  { rewrite Es. destruct (Z_lt_le_dec 1073 k) as [Hk|Hk].
    - apply multiple_weaken with (-1074 + k)%Z; [lia|]. apply multiple_scale, double_multiple, Fq.
    - apply multiple_weaken with ((- k - 1 - 52) + k)%Z; [lia|]. apply multiple_scale.
      apply double_multiple_above; [exact Fq|]. right. apply Lq'. exact Hk. }
  apply directed. apply quotient_sign; [exact Nb|]. fold q.
  replace (- scaled * mb + ma) with (ma - scaled * mb) by ring.
  eapply same_sign_trans.
  - apply sign_kept. apply multiple_minus; [apply double_multiple, Sa|].
    change (-1074)%Z with (-1021 + -53)%Z.
    apply multiple_mult; [exact Ms|]. eapply split_multiple; eassumption.
  - replace (ma - scaled * mb) with (pow2 (- ea) * (a - q * b)).
    + apply same_sign_scale, bpow_gt_0.
    + rewrite Es, (proj1 Sa), (proj1 Sb). unfold k.
      replace (pow2 (- ea) * (ma * pow2 ea - q * (mb * pow2 eb)))
        with (ma * (pow2 ea * pow2 (- ea)) - q * (pow2 eb * pow2 (- ea)) * mb) by ring.
      rewrite <- 2!bpow_plus, Z.add_opp_diag_r. simpl (pow2 0). unfold Zminus. ring.
Qed.

(** * Square roots *)

Lemma root_sign : forall a s r, 0 <= a -> 0 <= s -> same_sign r (a - s * s) ->
  same_sign r (sqrt a - s).
Proof.
  intros a s r Ha Hs (P & N). pose proof (sqrt_pos a). pose proof (sqrt_sqrt a Ha) as E.
  split; split; intros H'.
  - apply P in H'. nra.
  - apply P. nra.
  - apply N in H'. nra.
  - apply N. nra.
Qed.

Theorem sqrt_correct : forall a, double a -> residual_safe <= a ->
  let s := RN (sqrt a) in
  let error := RN (- s * s + a) in
  RU (sqrt a) = step_up s error /\ RD (sqrt a) = step_down s error.
Proof.
  intros a Fa Ha s error.
  assert (P : 0 < residual_safe) by apply bpow_gt_0.
  assert (L : pow2 (-484) <= s).
  { apply RN_above; [apply double_pow2; lia|].
    rewrite <- (sqrt_square (pow2 (-484))) by apply bpow_ge_0.
    apply sqrt_le_1_alt. rewrite <- bpow_plus. exact Ha. }
  pose proof (bpow_gt_0 radix2 (-484)).
  apply directed. apply (root_sign a s); [lra..|].
  unfold error. replace (- s * s + a) with (a - s * s) by ring. apply sign_kept.
  apply multiple_minus; [apply double_multiple, Fa|].
  apply multiple_weaken with ((-484 - 52) + (-484 - 52))%Z; [lia|].
  assert (multiple (-484 - 52) s).
  { apply double_multiple_above; [apply RN_double|]. right. rewrite Rabs_pos_eq by lra. exact L. }
  apply multiple_mult; assumption.
Qed.

(** Scaling back by a power of two where nothing is subnormal. *)
Section Scaled.

Variables (y : R) (s : Z).
Hypothesis Hs : (0 <= s)%Z.
Hypothesis Hy : pow2 (-1022 + s) <= y.

Lemma scaled_back : forall z, double z -> pow2 (-1022 + s) <= z -> double (z * pow2 (- s)).
Proof.
  intros z Fz Hz. apply mult_bpow_exact_FLT; [exact Fz|].
  assert (-1022 + s < mag radix2 z)%Z; [|lia].
  apply (lt_bpow radix2). eapply Rle_lt_trans; [exact Hz|].
  rewrite <- (Rabs_pos_eq z) at 1; [apply bpow_mag_gt|].
  pose proof (bpow_ge_0 radix2 (-1022 + s)). lra.
Qed.

Lemma undo : forall z, z * pow2 (- s) * pow2 s = z.
Proof.
  intros z. rewrite Rmult_assoc, <- bpow_plus, Z.add_opp_diag_l. simpl. ring.
Qed.

Lemma RU_scaled : RU (y * pow2 (- s)) = RU y * pow2 (- s).
Proof.
  destruct (round_UP_pt radix2 fexp y) as (Fu & Uy & Least).
  pose proof (bpow_gt_0 radix2 (- s)) as P.
  apply Rnd_UP_pt_unique with double (y * pow2 (- s));
    [apply round_UP_pt; auto with typeclass_instances|].
  split; [|split].
  - apply scaled_back; [exact Fu|lra].
  - apply Rmult_le_compat_r; lra.
  - intros g Fg Hg. replace g with (g * pow2 s * pow2 (- s)).
    + apply Rmult_le_compat_r; [lra|]. apply Least.
      * apply mult_bpow_pos_exact_FLT; auto with typeclass_instances.
      * rewrite <- (undo y). apply Rmult_le_compat_r; [apply bpow_ge_0|exact Hg].
    + rewrite Rmult_assoc, <- bpow_plus, Z.add_opp_diag_r. simpl. ring.
Qed.

Lemma RD_scaled : RD (y * pow2 (- s)) = RD y * pow2 (- s).
Proof.
  destruct (round_DN_pt radix2 fexp y) as (Fd & Dy & Greatest).
  pose proof (bpow_gt_0 radix2 (- s)) as P.
  apply Rnd_DN_pt_unique with double (y * pow2 (- s));
    [apply round_DN_pt; auto with typeclass_instances|].
  split; [|split].
  - apply scaled_back; [exact Fd|]. apply Greatest; [apply double_pow2; lia|exact Hy].
  - apply Rmult_le_compat_r; lra.
  - intros g Fg Hg. replace g with (g * pow2 s * pow2 (- s)).
    + apply Rmult_le_compat_r; [lra|]. apply Greatest.
      * apply mult_bpow_pos_exact_FLT; auto with typeclass_instances.
      * rewrite <- (undo y). apply Rmult_le_compat_r; [apply bpow_ge_0|exact Hg].
    + rewrite Rmult_assoc, <- bpow_plus, Z.add_opp_diag_r. simpl. ring.
Qed.

End Scaled.

(** Small radicands: 2^200 up, 2^-100 back, both exactly, and the scaled one is safe. *)
Theorem sqrt_scaled_correct : forall a, double a -> 0 < a ->
  let scaled := RN (a * pow2 200) in
  scaled = a * pow2 200 /\ residual_safe <= scaled /\
  RN (RU (sqrt scaled) * pow2 (-100)) = RU (sqrt a) /\
  RN (RD (sqrt scaled) * pow2 (-100)) = RD (sqrt a).
Proof.
  intros a Fa Pa scaled.
  assert (Es : scaled = a * pow2 200).
  { apply RN_exact. apply mult_bpow_pos_exact_FLT; auto with typeclass_instances. lia. }
  assert (La : pow2 (-1074) <= a).
  { destruct (double_multiple a Fa) as (k & Hk). pose proof (bpow_gt_0 radix2 (-1074)).
    rewrite Hk in *. assert (0 < IZR k) by nra. assert (1 <= k)%Z by (apply lt_IZR in H0; lia).
    apply IZR_le in H1. nra. }
  assert (Ls : pow2 (-874) <= scaled).
  { rewrite Es. change (-874)%Z with (-1074 + 200)%Z. rewrite bpow_plus.
    apply Rmult_le_compat_r; [apply bpow_ge_0|exact La]. }
  split; [exact Es|]. split.
  { eapply Rle_trans; [|exact Ls]. apply bpow_le. lia. }
  assert (Lr : pow2 (-1022 + 100) <= sqrt scaled).
  { rewrite <- (sqrt_square (pow2 (-1022 + 100))) by apply bpow_ge_0.
    apply sqrt_le_1_alt. rewrite <- bpow_plus. eapply Rle_trans; [|exact Ls]. apply bpow_le. lia. }
  assert (Er : sqrt a = sqrt scaled * pow2 (Z.opp 100)).
  { rewrite Es, sqrt_mult by (lra || apply bpow_ge_0).
    replace (pow2 200) with (pow2 100 * pow2 100) by (rewrite <- bpow_plus; reflexivity).
    rewrite sqrt_square by apply bpow_ge_0. rewrite Rmult_assoc, <- bpow_plus.
    change (100 + Z.opp 100)%Z with 0%Z. simpl. ring. }
  change (-100)%Z with (Z.opp 100). rewrite Er, RU_scaled, RD_scaled by (lia || exact Lr).
  split; apply RN_exact; apply scaled_back; try lia;
    try (apply generic_format_round; auto with typeclass_instances).
  - eapply Rle_trans; [exact Lr|]. apply round_UP_pt; auto with typeclass_instances.
  - apply round_DN_pt; auto with typeclass_instances. apply double_pow2. lia.
Qed.

(** * Fused multiply-add *)

(** A rounded multiple of 2^k is a multiple of it. *)
Lemma RN_multiple : forall k x, multiple k x -> multiple k (RN x).
Proof.
  intros k x (m & Hm).
  destruct (Z_le_gt_dec (cexp radix2 fexp x) k) as [H|H].
  - rewrite RN_exact; [exists m; exact Hm|].
    apply (generic_format_F2R' radix2 fexp x (Float radix2 m k)); [symmetry; exact Hm|].
    intros _. exact H.
  - apply multiple_weaken with (cexp radix2 fexp x); [lia|].
    exists (ZnearestE (scaled_mantissa radix2 fexp x)). reflexivity.
Qed.

Lemma multiple_plus : forall e x y, multiple e x -> multiple e y -> multiple e (x + y).
Proof. intros e x y (k & ->) (l & ->). exists (k + l)%Z. rewrite plus_IZR. ring. Qed.

Lemma multiple_size : forall k x, multiple k x -> x <> 0 -> pow2 k <= Rabs x.
Proof.
  intros k x (m & ->) N. rewrite Rabs_mult, (Rabs_pos_eq (pow2 k)) by apply bpow_ge_0.
  rewrite <- (Rmult_1_l (pow2 k)) at 1. apply Rmult_le_compat_r; [apply bpow_ge_0|].
  rewrite <- abs_IZR. apply IZR_le. assert (m <> 0%Z) by (intros ->; apply N; ring). lia.
Qed.

(** What is smaller than the unit that y is a multiple of does not change its sign. *)
Lemma larger_decides : forall k x y, Rabs x < pow2 k -> multiple k y -> y <> 0 ->
  same_sign y (x + y).
Proof.
  intros k x y Hx My N. pose proof (multiple_size k y My N) as H.
  apply Rabs_lt_inv in Hx. unfold Rabs in H. destruct (Rcase_abs y); split; split; lra.
Qed.

(** The error of a sum is below a unit of the rounded sum that is not above that of y. *)
Lemma error_below : forall x y k, double x -> double y -> Rabs y < pow2 k ->
  exists k', (k' <= k)%Z /\ Rabs (x + y - RN (x + y)) < pow2 k' /\ multiple k' (RN (x + y)).
Proof.
  intros x y k Fx Fy Hy.
  destruct (Req_dec (x + y - RN (x + y)) 0) as [Z|N].
  - exists (Z.min k (-1074)). split; [lia|]. split; [rewrite Z, Rabs_R0; apply bpow_gt_0|].
    apply multiple_weaken with (-1074)%Z; [lia|apply double_multiple, RN_double].
  - assert (Le : Rabs (x + y - RN (x + y)) <= Rabs y).
    { rewrite Rabs_minus_sym. apply plus_error_le_r; auto with typeclass_instances. }
    assert (Nz : RN (x + y) <> 0).
    { intros Z. apply N. rewrite Z. apply round_plus_eq_0 in Z; auto with typeclass_instances. lra. }
    pose proof (error_le_half_ulp_round radix2 fexp (fun z => negb (Z.even z)) (x + y)) as H.
    rewrite ulp_neq_0 in H by exact Nz. rewrite Rabs_minus_sym in H.
    set (c := cexp radix2 fexp (RN (x + y))) in *.
    pose proof (bpow_gt_0 radix2 c) as Pc.
    exists (Z.min k c). split; [lia|]. split.
    + destruct (Z.min_spec k c) as [(_ & ->)|(_ & ->)]; lra.
    + apply multiple_weaken with c; [lia|]. apply double_cexp, RN_double.
Qed.

(** [sign_of_sum]: two TwoSums add c to u1 + u2, then d goes through the three parts. *)
Definition sign_of_sum (u1 u2 c d : R) : R :=
  let s1 := RN (c + u2) in
  let e1 := sum_error c u2 s1 in
  let s2 := RN (s1 + u1) in
  let e2 := sum_error s1 u1 s2 in
  let carry1 := RN (d + e1) in
  let error1 := sum_error d e1 carry1 in
  let carry2 := RN (carry1 + e2) in
  let error2 := sum_error carry1 e2 carry2 in
  let carry3 := RN (carry2 + s2) in
  let error3 := sum_error carry2 s2 carry3 in
  let sign1 := if Req_bool error1 0 then 0 else error1 in
  let sign2 := if Req_bool error2 0 then sign1 else error2 in
  let sign3 := if Req_bool error3 0 then sign2 else error3 in
  if Req_bool carry3 0 then sign3 else carry3.

Theorem sign_of_sum_correct : forall u1 u2 c d, double u1 -> double u2 -> double c -> double d ->
  Rabs u2 <= / 2 * ulp radix2 fexp u1 -> same_sign (sign_of_sum u1 u2 c d) (u1 + u2 + c + d).
Proof.
  intros u1 u2 c d F1 F2 Fc Fd Hu. unfold sign_of_sum.
  assert (U : exists k, Rabs u2 < pow2 k /\ multiple k u1).
  { destruct (Req_dec u1 0) as [Z|N].
    - exists (mag radix2 u2). split; [apply bpow_mag_gt|]. exists 0%Z. rewrite Z. ring.
    - rewrite ulp_neq_0 in Hu by exact N. exists (cexp radix2 fexp u1).
      split; [|apply double_cexp, F1]. pose proof (bpow_gt_0 radix2 (cexp radix2 fexp u1)). lra. }
  destruct U as (k & Hk & M1).
  rewrite (sum_error_exact c u2) by assumption.
  set (s1 := RN (c + u2)). set (e1 := c + u2 - s1).
  assert (Fs1 : double s1) by apply RN_double.
  assert (Fe1 : double e1).
  { unfold e1, s1. rewrite <- sum_error_exact by assumption. apply RN_double. }
  destruct (error_below c u2 k Fc F2 Hk) as (k0 & L0 & B0 & N0). fold s1 in B0, N0. fold e1 in B0.
  rewrite (sum_error_exact s1 u1) by assumption.
  set (s2 := RN (s1 + u1)). set (e2 := s1 + u1 - s2).
  assert (Fs2 : double s2) by apply RN_double.
  assert (Fe2 : double e2).
  { unfold e2, s2. rewrite <- sum_error_exact by assumption. apply RN_double. }
  assert (M12 : multiple k0 (s1 + u1)).
  { apply multiple_plus; [exact N0|]. apply multiple_weaken with k; assumption. }
  assert (Ms2 : multiple k0 s2) by (apply RN_multiple, M12).
  assert (Me2 : multiple k0 e2) by (apply multiple_minus; assumption).
  destruct (error_below s1 u1 _ Fs1 F1 (bpow_mag_gt radix2 u1)) as (k0' & _ & B0' & N0').
  fold s2 in B0', N0'. fold e2 in B0'.
  rewrite (sum_error_exact d e1) by assumption.
  destruct (error_below d e1 k0 Fd Fe1 B0) as (k1 & L1 & B1 & N1).
  set (carry1 := RN (d + e1)) in *. set (error1 := d + e1 - carry1) in *.
  assert (Fc1 : double carry1) by apply RN_double.
  rewrite (sum_error_exact carry1 e2) by assumption.
  destruct (error_below carry1 e2 k0' Fc1 Fe2 B0') as (k2 & L2 & B2 & N2).
  set (carry2 := RN (carry1 + e2)) in *. set (error2 := carry1 + e2 - carry2) in *.
  assert (Fc2 : double carry2) by apply RN_double.
  rewrite (sum_error_exact carry2 s2) by assumption.
  assert (Mc2 : multiple k1 (carry1 + e2)).
  { apply multiple_plus; [exact N1|]. apply multiple_weaken with k0; assumption. }
  assert (M2 : multiple k1 error2).
  { apply multiple_minus; [exact Mc2|]. apply RN_multiple, Mc2. }
  assert (MR1 : multiple k1 (carry2 + s2)).
  { apply multiple_plus; [apply RN_multiple, Mc2|]. apply multiple_weaken with k0; assumption. }
  assert (MR2 : multiple k2 (carry2 + s2)).
  { apply multiple_plus; [exact N2|]. apply multiple_weaken with k0'; assumption. }
  assert (S : same_sign (RN (carry2 + s2)) (carry2 + s2)).
  { apply sign_kept. apply multiple_plus; apply double_multiple; assumption. }
  replace (u1 + u2 + c + d) with (error1 + (error2 + (carry2 + s2)))
    by (unfold error2, error1, e2, e1; ring).
  set (R2 := carry2 + s2) in *. set (carry3 := RN R2) in *.
  assert (Z3 : carry3 = 0 <-> R2 = 0).
  { destruct S as (P & N). split; intros Z.
    - destruct (Rtotal_order R2 0) as [H|[H|H]]; [apply N in H|exact H|apply P in H]; lra.
    - destruct (Rtotal_order carry3 0) as [H|[H|H]]; [apply N in H|exact H|apply P in H]; lra. }
  case (Req_bool_spec carry3 0); intros C3.
  - rewrite (proj1 Z3 C3), C3. rewrite Rminus_0_r, Req_bool_true by reflexivity.
    rewrite Rplus_0_r.
    case (Req_bool_spec error2 0); intros E2.
    + rewrite E2, Rplus_0_r.
      case (Req_bool_spec error1 0); intros E1; [rewrite E1|]; apply same_sign_refl.
    + apply (larger_decides k1); assumption.
  - assert (NR : R2 <> 0) by (intros Z; apply C3, Z3, Z).
    assert (S2 : same_sign R2 (error2 + R2)) by (apply (larger_decides k2); assumption).
    assert (N2' : error2 + R2 <> 0).
    { destruct S2 as (P & N). intros Z. destruct (Rtotal_order R2 0) as [H|[H|H]];
        [apply N in H|contradiction|apply P in H]; lra. }
    eapply same_sign_trans; [exact S|]. eapply same_sign_trans; [exact S2|].
    apply (larger_decides k1); [exact B1| |exact N2']. apply multiple_plus; assumption.
Qed.

Definition fma_error (a b c f : R) : R :=
  let p := RN (a * b) in
  sign_of_sum p (RN (a * b + - p)) c (- f).

Lemma fma_error_sign : forall a b c f, double a -> double b -> double c -> double f ->
  residual_safe <= Rabs (RN (a * b)) -> same_sign (fma_error a b c f) (a * b + c - f).
Proof.
  intros a b c f Fa Fb Fc Ff H. unfold fma_error.
  assert (E : RN (a * b + - RN (a * b)) = a * b - RN (a * b))
    by (apply product_error_exact; assumption).
  assert (Half : Rabs (a * b - RN (a * b)) <= / 2 * ulp radix2 fexp (RN (a * b))).
  { rewrite Rabs_minus_sym. apply error_le_half_ulp_round; auto with typeclass_instances. }
  replace (a * b + c - f)
    with (RN (a * b) + RN (a * b + - RN (a * b)) + c + - f) by (rewrite E; ring).
  apply sign_of_sum_correct; try apply RN_double; try assumption.
  - apply generic_format_opp, Ff.
  - rewrite E. exact Half.
Qed.

(** Products from 2^-968 on; that nothing overflows is what [kFmaSafe] is for. *)
Theorem fma_correct : forall a b c, double a -> double b -> double c ->
  residual_safe <= Rabs (RN (a * b)) ->
  let f := RN (a * b + c) in
  let error := fma_error a b c f in
  RU (a * b + c) = step_up f error /\ RD (a * b + c) = step_down f error.
Proof.
  intros a b c Fa Fb Fc H f error. apply directed.
  apply fma_error_sign; try assumption. apply RN_double.
Qed.

(** Where one part is far below the other, only its sign matters. *)
Lemma dominated : forall x y f Y k n, multiple k (x - f) -> Rabs y < pow2 k -> same_sign Y y ->
  Rabs Y < pow2 (k + n) -> same_sign ((x - f) * pow2 n + Y) (x + y - f).
Proof.
  intros x y f Y k n M Hy S HY. pose proof (bpow_gt_0 radix2 n) as P.
  destruct (Req_dec (x - f) 0) as [Z|N].
  - replace ((x - f) * pow2 n + Y) with Y by (rewrite Z; ring).
    replace (x + y - f) with y by lra. exact S.
  - assert (N' : (x - f) * pow2 n <> 0) by (apply Rmult_integral_contrapositive_currified; lra).
    assert (S1 : same_sign (x - f) (y + (x - f))) by (apply (larger_decides k); assumption).
    assert (S2 : same_sign ((x - f) * pow2 n) (Y + (x - f) * pow2 n)).
    { apply (larger_decides (k + n)); [exact HY|apply multiple_scale, M|exact N']. }
    assert (S3 : same_sign ((x - f) * pow2 n) (x - f)).
    { rewrite Rmult_comm. apply same_sign_scale, P. }
    replace (x + y - f) with (y + (x - f)) by ring.
    rewrite (Rplus_comm ((x - f) * pow2 n)).
    unfold same_sign in *. tauto.
Qed.

Lemma scaled_exact : forall f s, double f -> ((0 < s)%Z -> f = 0 \/ pow2 (s - 500) <= Rabs f) ->
  RN (f * pow2 (- s)) = f * pow2 (- s).
Proof.
  intros f s Ff H. apply RN_exact. destruct (Z_lt_le_dec 0 s) as [P|N].
  - destruct (H P) as [->|L]; [rewrite Rmult_0_l; apply generic_format_0|].
    apply mult_bpow_exact_FLT; [exact Ff|].
    assert (s - 500 < mag radix2 f)%Z; [|lia].
    apply (lt_bpow radix2). eapply Rle_lt_trans; [exact L|apply bpow_mag_gt].
  - apply mult_bpow_pos_exact_FLT; auto with typeclass_instances. lia.
Qed.

Lemma mantissa_scaled : forall m e, double m -> / 2 <= Rabs m -> (-300 <= e)%Z ->
  RN (m * pow2 e) = m * pow2 e.
Proof.
  intros m e Fm Hm He. apply RN_exact, mult_bpow_exact_FLT; [exact Fm|].
  assert (-1 < mag radix2 m)%Z; [|lia].
  apply (lt_bpow radix2). eapply Rle_lt_trans; [exact Hm|apply bpow_mag_gt].
Qed.

Lemma mantissa_sign : forall m e e', same_sign (m * pow2 e) (m * pow2 e').
Proof.
  intros m e e'. pose proof (bpow_gt_0 radix2 e). pose proof (bpow_gt_0 radix2 e').
  split; split; intros H'; nra.
Qed.

(** [scaled_fma_error]: any finite operands that are not zero. *)
Theorem fma_scaled_correct : forall a b c ma mb mc ea eb ec, double a -> double b -> double c ->
  split a ma ea -> split b mb eb -> split c mc ec ->
  let f := RN (a * b + c) in
  let scale := Z.max (ea + eb) ec in
  let shift e := Z.max (e - scale) (-300) in
  let error := fma_error ma (RN (mb * pow2 (shift (ea + eb)%Z))) (RN (mc * pow2 (shift ec)))
                 (RN (f * pow2 (- scale))) in
  RU (a * b + c) = step_up f error /\ RD (a * b + c) = step_down f error.
Proof.
  intros a b c ma mb mc ea eb ec Fa Fb Fc Sa Sb Sc f scale shift error. apply directed.
  fold f. unfold error.
  pose proof (split_size _ _ _ Sa) as (La & Ua). pose proof (split_size _ _ _ Sb) as (Lb & Ub).
  pose proof (split_size _ _ _ Sc) as (Lc & Uc).
  pose proof (split_multiple _ _ _ Sa) as Ma. pose proof (split_multiple _ _ _ Sb) as Mb.
  pose proof (split_multiple _ _ _ Sc) as Mc.
  destruct Sa as (Ea & Fma & Ha). destruct Sb as (Eb & Fmb & Hb). destruct Sc as (Ec & Fmc & Hc).
  assert (Ff : double f) by apply RN_double.
  set (s := (ea + eb)%Z) in *.
  assert (Lab : pow2 (s - 2) <= Rabs (a * b)).
  { replace (s - 2)%Z with (ea - 1 + (eb - 1))%Z by (unfold s; lia).
    rewrite Rabs_mult, bpow_plus. apply Rmult_le_compat; try apply bpow_ge_0; assumption. }
  assert (Uab : Rabs (a * b) < pow2 s).
  { unfold s. rewrite Rabs_mult, bpow_plus.
    apply Rmult_le_0_lt_compat; try apply Rabs_pos; assumption. }
  assert (Eab : a * b = ma * mb * pow2 s) by (unfold s; rewrite Ea, Eb, bpow_plus; ring).
  assert (Mab : multiple (s - 106) (a * b)).
  { rewrite Eab. replace (s - 106)%Z with (-53 + -53 + s)%Z by lia.
    apply multiple_scale, multiple_mult; assumption. }
  assert (Mcc : multiple (ec - 53) c).
  { rewrite Ec. replace (ec - 53)%Z with (-53 + ec)%Z by lia. apply multiple_scale, Mc. }
  assert (Ec1 : (-1074 < ec)%Z).
  { apply (lt_bpow radix2). apply Rle_lt_trans with (Rabs c); [|exact Uc].
    apply multiple_size; [apply double_multiple, Fc|]. intros Z. rewrite Z, Rabs_R0 in Lc.
    pose proof (bpow_gt_0 radix2 (ec - 1)). lra. }
  assert (Hsh : forall e, (-300 <= shift e)%Z) by (intros e; unfold shift; lia).
  rewrite (mantissa_scaled mb) by (apply Hsh || apply Hb || exact Fmb).
  rewrite (mantissa_scaled mc) by (apply Hsh || apply Hc || exact Fmc).
  assert (Size : pow2 (-302) <= Rabs (ma * (mb * pow2 (shift s)))).
  { rewrite 2!Rabs_mult, (Rabs_pos_eq (pow2 _)) by apply bpow_ge_0.
    change (-302)%Z with (-1 + (-1 + -300))%Z. rewrite 2!bpow_plus, half.
    pose proof (bpow_le radix2 _ _ (Hsh s)). pose proof (bpow_ge_0 radix2 (-300)).
    apply Rmult_le_compat; [lra|apply Rmult_le_pos; lra|apply Ha|].
    apply Rmult_le_compat; lra || apply Hb. }
  assert (Safe : residual_safe <= Rabs (RN (ma * (mb * pow2 (shift s))))).
  { apply Rle_trans with (pow2 (-302)); [apply bpow_le; lia|].
    apply RN_abs_above; [lia|exact Size]. }
  assert (Fb' : double (mb * pow2 (shift s))).
  { rewrite <- (mantissa_scaled mb) by (apply Hsh || apply Hb || exact Fmb). apply RN_double. }
  assert (Fc' : double (mc * pow2 (shift ec))).
  { rewrite <- (mantissa_scaled mc) by (apply Hsh || apply Hc || exact Fmc). apply RN_double. }
  eapply same_sign_trans.
  { apply fma_error_sign; try assumption. apply RN_double. }
  assert (Half1 : forall e, pow2 e = 2 * pow2 (e - 1)).
  { intros e. replace e with (e - 1 + 1)%Z at 1 by lia. rewrite bpow_plus_1. reflexivity. }
  assert (Product1 : Rabs (ma * mb) < 1).
  { rewrite Rabs_mult. pose proof (Rabs_pos ma). pose proof (Rabs_pos mb). nra. }
  destruct (Z_lt_le_dec (ec - s) (-300)) as [Far|Near].
  - (* c is far below a b *)
    assert (Sc : scale = s) by (unfold scale; lia).
    assert (Es : shift s = 0%Z) by (unfold shift; lia).
    assert (Ec' : shift ec = (-300)%Z) by (unfold shift; lia).
    assert (Uc' : pow2 ec <= pow2 (s - 3)) by (apply bpow_le; lia).
    assert (Lf : pow2 (s - 3) <= Rabs f).
    { apply RN_abs_above; [lia|].
      pose proof (Half1 (s - 2)%Z) as E. replace (s - 2 - 1)%Z with (s - 3)%Z in E by lia.
      pose proof (Rabs_triang_inv (a * b) (- c)) as T. rewrite Rabs_Ropp in T.
      replace (a * b - - c) with (a * b + c) in T by ring. lra. }
    assert (Mf : multiple (s - 3 - 52) f) by (apply double_multiple_above; [exact Ff|right; exact Lf]).
    rewrite Sc, Es, Ec', scaled_exact.
    2: exact Ff.
    2: { intros _. right. eapply Rle_trans; [|exact Lf]. apply bpow_le. lia. }
    replace (ma * (mb * pow2 0) + mc * pow2 (-300) - f * pow2 (- s))
      with ((a * b - f) * pow2 (- s) + mc * pow2 (-300)).
    + apply (dominated _ _ _ _ (s - 106)).
      * apply multiple_minus; [exact Mab|]. apply multiple_weaken with (s - 3 - 52)%Z; [lia|exact Mf].
      * eapply Rlt_le_trans; [exact Uc|]. apply bpow_le. lia.
      * rewrite Ec. apply mantissa_sign.
      * rewrite Rabs_mult, (Rabs_pos_eq (pow2 _)) by apply bpow_ge_0.
        apply Rlt_le_trans with (1 * pow2 (-300)).
        -- apply Rmult_lt_compat_r; [apply bpow_gt_0|apply Hc].
        -- rewrite Rmult_1_l. apply bpow_le. lia.
    + rewrite Eab. rewrite Rmult_minus_distr_r, (Rmult_assoc (ma * mb)), <- bpow_plus, Z.add_opp_diag_r.
      ring.
  - destruct (Z_lt_le_dec (s - ec) (-300)) as [Far'|Near'].
    + (* a b is far below c *)
      assert (Sc : scale = ec) by (unfold scale; lia).
      assert (Es : shift s = (-300)%Z) by (unfold shift; lia).
      assert (Ec' : shift ec = 0%Z) by (unfold shift; lia).
      assert (Uab' : pow2 s <= pow2 (ec - 2)) by (apply bpow_le; lia).
      assert (Lf : (-1074 <= ec - 2)%Z -> pow2 (ec - 2) <= Rabs f).
      { intros H. apply RN_abs_above; [exact H|].
        pose proof (Half1 (ec - 1)%Z) as E. replace (ec - 1 - 1)%Z with (ec - 2)%Z in E by lia.
        pose proof (Rabs_triang_inv c (- (a * b))) as T. rewrite Rabs_Ropp in T.
        replace (c - - (a * b)) with (a * b + c) in T by ring. lra. }
      assert (Mf : multiple (ec - 54) f).
      { destruct (Z_lt_le_dec (ec - 2) (-1074)) as [Tiny|Not].
        - apply multiple_weaken with (-1074)%Z; [lia|apply double_multiple, Ff].
        - replace (ec - 54)%Z with (ec - 2 - 52)%Z by lia.
          apply double_multiple_above; [exact Ff|right; apply Lf, Not]. }
      rewrite Sc, Es, Ec', scaled_exact.
      2: exact Ff.
      2: { intros H. right. eapply Rle_trans; [|apply Lf; lia]. apply bpow_le. lia. }
      replace (ma * (mb * pow2 (-300)) + mc * pow2 0 - f * pow2 (- ec))
        with ((c - f) * pow2 (- ec) + ma * mb * pow2 (-300)).
      * replace (a * b + c - f) with (c + a * b - f) by ring.
        apply (dominated _ _ _ _ (ec - 54)).
        -- apply multiple_minus; [|exact Mf]. apply multiple_weaken with (ec - 53)%Z; [lia|exact Mcc].
        -- eapply Rlt_le_trans; [exact Uab|]. apply bpow_le. lia.
        -- rewrite Eab. apply mantissa_sign.
        -- rewrite Rabs_mult, (Rabs_pos_eq (pow2 _)) by apply bpow_ge_0.
           apply Rlt_le_trans with (1 * pow2 (-300)).
           ++ apply Rmult_lt_compat_r; [apply bpow_gt_0|exact Product1].
           ++ rewrite Rmult_1_l. apply bpow_le. lia.
      * rewrite Ec at 1. rewrite Rmult_minus_distr_r, (Rmult_assoc mc), <- bpow_plus, Z.add_opp_diag_r.
        ring.
    + (* both as they are *)
      assert (Es : shift s = (s + - scale)%Z) by (unfold shift, scale; lia).
      assert (Ec' : shift ec = (ec + - scale)%Z) by (unfold shift, scale; lia).
      assert (Msum : multiple (scale - 406) (a * b + c)).
      { apply multiple_plus;
          [apply multiple_weaken with (s - 106)%Z|apply multiple_weaken with (ec - 53)%Z];
          assumption || (unfold scale; lia). }
      rewrite Es, Ec', scaled_exact.
      2: exact Ff.
      2: { intros _. destruct (Req_dec f 0) as [Z|N]; [left; exact Z|right].
           apply Rle_trans with (pow2 (scale - 406)); [apply bpow_le; lia|].
           apply multiple_size; [apply RN_multiple, Msum|exact N]. }
      rewrite 2!bpow_plus.
      replace (ma * (mb * (pow2 s * pow2 (- scale))) + mc * (pow2 ec * pow2 (- scale))
               - f * pow2 (- scale)) with (pow2 (- scale) * (a * b + c - f))
        by (rewrite Eab, Ec; ring).
      apply same_sign_scale, bpow_gt_0.
Qed.

(** * Overflow *)

(** DBL_MAX *)
Definition greatest : R := pred radix2 fexp (pow2 1024).

(** Where the nearest double would be infinite, the inner bound DBL_MAX is below the result. *)
Theorem overflow_above : forall x, pow2 1024 <= RN x -> greatest <= x.
Proof.
  intros x H. apply Rnot_lt_le. intros L.
  assert (F : double (pow2 1024)) by (apply double_pow2; lia).
  assert (RN x <= greatest).
  { apply RN_below; [|apply Rlt_le, L]. apply generic_format_pred; auto with typeclass_instances. }
  assert (greatest < pow2 1024).
  { apply pred_lt_id. apply Rgt_not_eq, bpow_gt_0. }
  lra.
Qed.

(** ... and above a finite nearest double no bound but infinity is needed: below 2^1024 the nearest
    double steps to DBL_MAX at most, or to 2^1024, which is how an infinity is written here. *)
Theorem step_up_finite : forall x error, double x -> x < pow2 1024 -> step_up x error <= pow2 1024.
Proof.
  intros x e Fx H. unfold step_up. case Rlt_bool; [|lra].
  apply succ_le_lt; auto with typeclass_instances. apply double_pow2. lia.
Qed.
